// What a model takes beside the image: a sampling grid.
//
// Coordinates are normalised to [-1, 1] over pixel edges, x right, y down, as in ingan_fast.Transform.
#pragma once

#include <array>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

struct Array {
    std::vector<int64_t> shape;
    std::vector<float> values;
};

using Matrix = std::array<double, 9>;  // row by row

// The inverse but for a factor, which homogeneous coordinates don't have.
inline Matrix adjugate(const Matrix& m) {
    return {m[4] * m[8] - m[5] * m[7], m[2] * m[7] - m[1] * m[8], m[1] * m[5] - m[2] * m[4],
            m[5] * m[6] - m[3] * m[8], m[0] * m[8] - m[2] * m[6], m[2] * m[3] - m[0] * m[5],
            m[3] * m[7] - m[4] * m[6], m[1] * m[6] - m[0] * m[7], m[0] * m[4] - m[1] * m[3]};
}

// Source coordinates at the output's pixel centres, [1, height, width, 2].
// `matrix` takes source to output coordinates (Transform.matrix); the identity is a plain resize.
inline Array sampling_grid(int64_t width, int64_t height, const Matrix& matrix) {
    const Matrix m = adjugate(matrix);
    Array grid{{1, height, width, 2}, std::vector<float>(width * height * 2)};
    float* at = grid.values.data();
    for (int64_t row = 0; row < height; ++row) {
        const double y = (2.0 * row + 1) / height - 1;
        for (int64_t column = 0; column < width; ++column) {
            const double x = (2.0 * column + 1) / width - 1;
            const double w = m[6] * x + m[7] * y + m[8];
            *at++ = static_cast<float>((m[0] * x + m[1] * y + m[2]) / w);
            *at++ = static_cast<float>((m[3] * x + m[4] * y + m[5]) / w);
        }
    }
    return grid;
}

// Nine numbers separated by blanks.
inline Matrix read_matrix(const std::string& path) {
    std::ifstream file(path);
    Matrix matrix;
    for (double& value : matrix)
        if (!(file >> value)) throw std::runtime_error(path + " does not hold 9 numbers");
    return matrix;
}

// Words of the command line behind the pictures: nothing, or WIDTHxHEIGHT [MATRIX.txt].
inline std::vector<Array> read_geometry(const std::vector<std::string>& words) {
    if (words.empty()) return {};
    int64_t width = 0, height = 0;
    char by = 0;
    if (!(std::istringstream(words[0]) >> width >> by >> height) || by != 'x' || width < 16 || height < 16)
        throw std::runtime_error(words[0] + " is no size; give WIDTHxHEIGHT of at least 16, such as 640x480");
    const Matrix matrix = words.size() > 1 ? read_matrix(words[1]) : Matrix{1, 0, 0, 0, 1, 0, 0, 0, 1};
    return {sampling_grid(width, height, matrix)};
}
