// Retarget a picture with an exported model and ONNX Runtime, in C++.
//
//     ingan-fast export RUN --out model
//     cmake -S examples/cpp_onnxruntime -B build -DONNXRUNTIME_ROOT=/path/to/onnxruntime && cmake --build build
//
// A model takes a sampling grid, which is made here:
//     build/retarget model/model.onnx in.ppm out.ppm 640x480 [matrix.txt]
// A model of one geometry (ingan-fast export --fixed 640x480) takes frames alone:
//     build/retarget fixed/model.onnx in.ppm out.ppm
//
// Run with ONNX Runtime 1.32 (headers of API 29) and g++ 12: Python's picture, to one grey level.

#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <cmath>
#include <iostream>

#include "../cpp_common/geometry.h"
#include "../cpp_common/ppm.h"

// Models of one geometry have their values in [0, 1], all others in [-1, 1].
struct Range {
    float offset, levels;
};
constexpr Range kUnit{0, 255}, kSymmetric{1, 127.5f};

// uint8 [H, W, 3] to float32 [1, 3, H, W].
Array to_planes(const Picture& picture, Range range) {
    const int64_t count = picture.width * picture.height;
    Array planes{{1, 3, picture.height, picture.width}, std::vector<float>(3 * count)};
    for (int64_t pixel = 0; pixel < count; ++pixel)
        for (int64_t channel = 0; channel < 3; ++channel)
            planes.values[channel * count + pixel] = picture.pixels[pixel * 3 + channel] / range.levels - range.offset;
    return planes;
}

// float32 [3, H, W] to uint8 [H, W, 3].
Picture to_picture(const float* planes, int64_t width, int64_t height, Range range) {
    const int64_t count = width * height;
    Picture picture{width, height, std::vector<uint8_t>(count * 3)};
    for (int64_t pixel = 0; pixel < count; ++pixel)
        for (int64_t channel = 0; channel < 3; ++channel) {
            const float level = std::nearbyint((planes[channel * count + pixel] + range.offset) * range.levels);
            picture.pixels[pixel * 3 + channel] = static_cast<uint8_t>(std::clamp(level, 0.0f, 255.0f));
        }
    return picture;
}

Picture retarget(Ort::Session& session, const Picture& frame, std::vector<Array> geometry) {
    Ort::AllocatorWithDefaultOptions allocator;
    std::vector<Ort::AllocatedStringPtr> owners;  // of the names
    std::vector<const char*> names;
    for (size_t i = 0; i < session.GetInputCount(); ++i) {
        owners.push_back(session.GetInputNameAllocated(i, allocator));
        names.push_back(owners.back().get());
    }
    const bool baked_picture = std::string(names[0]) != "image", baked_geometry = names.size() == 1 && !baked_picture;
    const Range range = baked_geometry ? kUnit : kSymmetric;
    std::vector<Array> arrays = std::move(geometry);
    if (!baked_picture) arrays.insert(arrays.begin(), to_planes(frame, range));
    if (arrays.size() != names.size())
        throw std::runtime_error("the model takes " + std::to_string(names.size()) + " arrays, " +
                                 std::to_string(arrays.size()) + " were given; see the top of main.cpp");

    const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    std::vector<Ort::Value> inputs;
    for (Array& array : arrays)
        inputs.push_back(Ort::Value::CreateTensor<float>(memory, array.values.data(), array.values.size(),
                                                         array.shape.data(), array.shape.size()));
    const char* output = "retargeted";
    auto outputs = session.Run(Ort::RunOptions{}, names.data(), inputs.data(), inputs.size(), &output, 1);
    const auto shape = outputs[0].GetTensorTypeAndShapeInfo().GetShape();  // [1, 3, Ho, Wo]
    return to_picture(outputs[0].GetTensorData<float>(), shape[3], shape[2], range);
}

int main(int count, char** words) try {
    if (count < 4) {
        std::cerr << "usage: retarget MODEL.onnx IN.ppm OUT.ppm [WxH [MATRIX.txt]]\n";
        return 2;
    }
    Ort::Env environment(ORT_LOGGING_LEVEL_ERROR, "retarget");
    Ort::SessionOptions options;
    // Where there is a GPU and its build of ONNX Runtime:
    // options.AppendExecutionProvider_CUDA(OrtCUDAProviderOptions{});
    Ort::Session session(environment, words[1], options);
    write_ppm(words[3], retarget(session, read_ppm(words[2]), read_geometry({words + 4, words + count})));
    return 0;
} catch (const std::exception& error) {  // Ort::Exception among them
    std::cerr << "retarget: " << error.what() << '\n';
    return 2;
}
