// Pictures as binary PPM (P6), which any picture tool writes: ffmpeg -i picture.png picture.ppm
#pragma once

#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

struct Picture {
    int64_t width = 0, height = 0;
    std::vector<uint8_t> pixels;  // [height, width, 3], RGB
};

inline Picture read_ppm(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string magic;
    Picture picture;
    int levels = 0;
    if (!(file >> magic >> picture.width >> picture.height >> levels) || magic != "P6" || levels != 255 ||
        picture.width < 1 || picture.height < 1)
        throw std::runtime_error(path + " is no binary PPM of 8 bits");
    file.get();  // the one blank behind the header
    picture.pixels.resize(picture.width * picture.height * 3);
    if (!file.read(reinterpret_cast<char*>(picture.pixels.data()), picture.pixels.size()))
        throw std::runtime_error(path + " is cut short");
    return picture;
}

inline void write_ppm(const std::string& path, const Picture& picture) {
    std::ofstream file(path, std::ios::binary);
    file << "P6\n" << picture.width << ' ' << picture.height << "\n255\n";
    file.write(reinterpret_cast<const char*>(picture.pixels.data()), picture.pixels.size());
    if (!file.flush()) throw std::runtime_error("can't write " + path);
}
