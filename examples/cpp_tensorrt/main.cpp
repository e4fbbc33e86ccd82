// UNVERIFIED: never run, and not compiled against TensorRT's own headers, since neither they nor a GPU that TensorRT
// runs on could be had; compiled against declarations of the calls that it makes, and CUDA 13.0's headers.
//
// Retarget a picture with a TensorRT engine, in C++. Engines take and give bytes: uint8 [N, H, W, 3].
//
//     ingan-fast export RUN --out model --trt
//     cmake -S examples/cpp_tensorrt -B build -DTENSORRT_ROOT=/path/to/TensorRT && cmake --build build
//
// A model takes a sampling grid, which is made here:
//     build/retarget_trt model/model.engine in.ppm out.ppm 640x480 [matrix.txt]
// An engine of one geometry (ingan-fast export --fixed 640x480 --trt) takes frames alone:
//     build/retarget_trt fixed/model.engine in.ppm out.ppm
//
// TensorRT 10 and newer; for engines of TensorRT-RTX add -DTENSORRT_LIBRARY_NAME=tensorrt_rtx.

#include <NvInfer.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>

#include "../cpp_common/geometry.h"
#include "../cpp_common/ppm.h"

struct Logger : nvinfer1::ILogger {
    void log(Severity severity, const char* message) noexcept override {
        if (severity <= Severity::kERROR) std::cerr << "TensorRT: " << message << '\n';
    }
};

void check(cudaError_t status) {
    if (status != cudaSuccess) throw std::runtime_error(std::string("CUDA: ") + cudaGetErrorString(status));
}

void require(bool done, const std::string& what) {
    if (!done) throw std::runtime_error(what);
}

// Memory of the GPU.
class Buffer {
  public:
    explicit Buffer(size_t bytes) : bytes_(bytes) { check(cudaMalloc(&data_, bytes)); }
    ~Buffer() { cudaFree(data_); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    void* data() const { return data_; }
    void fill(const void* source, cudaStream_t stream) {
        check(cudaMemcpyAsync(data_, source, bytes_, cudaMemcpyHostToDevice, stream));
    }
    void read(void* destination, cudaStream_t stream) const {
        check(cudaMemcpyAsync(destination, data_, bytes_, cudaMemcpyDeviceToHost, stream));
    }

  private:
    void* data_ = nullptr;
    size_t bytes_;
};

struct Input {
    std::vector<int64_t> shape;
    const void* data;
    size_t bytes;
};
using Inputs = std::map<std::string, Input>;

nvinfer1::Dims dimensions(const std::vector<int64_t>& shape) {
    nvinfer1::Dims dims{};
    dims.nbDims = static_cast<int32_t>(shape.size());
    std::copy(shape.begin(), shape.end(), dims.d);
    return dims;
}

// Those of the inputs that the engine takes.
Inputs choose_inputs(const nvinfer1::ICudaEngine& engine, const Inputs& given) {
    Inputs chosen;
    for (int32_t i = 0; i < engine.getNbIOTensors(); ++i) {
        const std::string name = engine.getIOTensorName(i);
        if (engine.getTensorIOMode(name.c_str()) != nvinfer1::TensorIOMode::kINPUT) continue;
        require(given.count(name), "the engine takes " + name + ", too; see the top of main.cpp");
        chosen.insert(*given.find(name));
    }
    return chosen;
}

bool fits(const nvinfer1::ICudaEngine& engine, int32_t profile, const std::string& name, const Input& input) {
    const auto shape = engine.getTensorShape(name.c_str());  // -1 where a profile says the range
    const auto least = engine.getProfileShape(name.c_str(), profile, nvinfer1::OptProfileSelector::kMIN);
    const auto most = engine.getProfileShape(name.c_str(), profile, nvinfer1::OptProfileSelector::kMAX);
    for (size_t axis = 0; axis < input.shape.size(); ++axis) {
        const int64_t size = input.shape[axis];
        if (shape.d[axis] == -1 ? size < least.d[axis] || most.d[axis] < size : size != shape.d[axis]) return false;
    }
    return true;
}

// The first profile that has these shapes.
int32_t choose_profile(const nvinfer1::ICudaEngine& engine, const Inputs& inputs) {
    for (int32_t profile = 0; profile < engine.getNbOptimizationProfiles(); ++profile)
        if (std::all_of(inputs.begin(), inputs.end(),
                        [&](const auto& each) { return fits(engine, profile, each.first, each.second); }))
            return profile;
    throw std::runtime_error("the engine has no profile for these sizes; see model.engine.json");
}

Picture run(nvinfer1::ICudaEngine& engine, const Inputs& given, cudaStream_t stream) {
    const Inputs inputs = choose_inputs(engine, given);
    const std::unique_ptr<nvinfer1::IExecutionContext> context(engine.createExecutionContext());
    require(context != nullptr, "the engine has no memory to run in");
    require(context->setOptimizationProfileAsync(choose_profile(engine, inputs), stream), "no such profile");

    std::vector<std::unique_ptr<Buffer>> buffers;
    for (const auto& [name, input] : inputs) {
        buffers.push_back(std::make_unique<Buffer>(input.bytes));
        buffers.back()->fill(input.data, stream);
        require(context->setInputShape(name.c_str(), dimensions(input.shape)), "the shape of " + name);
        require(context->setTensorAddress(name.c_str(), buffers.back()->data()), "the address of " + name);
    }
    const auto shape = context->getTensorShape("retargeted");  // [1, Ho, Wo, 3]
    Picture picture{shape.d[2], shape.d[1], std::vector<uint8_t>(shape.d[1] * shape.d[2] * 3)};
    const Buffer output(picture.pixels.size());
    require(context->setTensorAddress("retargeted", output.data()), "the output's address");
    // From here on is what a program repeats for every frame: fill, enqueue, read, all in the stream.
    require(context->enqueueV3(stream), "the engine fails");
    output.read(picture.pixels.data(), stream);
    check(cudaStreamSynchronize(stream));
    return picture;
}

std::vector<char> read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    require(static_cast<bool>(file), "can't read " + path);
    return {std::istreambuf_iterator<char>(file), {}};
}

int main(int count, char** words) try {
    if (count < 4) {
        std::cerr << "usage: retarget_trt MODEL.engine IN.ppm OUT.ppm [WxH [MATRIX.txt]]\n";
        return 2;
    }
    const Picture frame = read_ppm(words[2]);
    const std::vector<Array> geometry = read_geometry({words + 4, words + count});
    Inputs inputs{{"image", {{1, frame.height, frame.width, 3}, frame.pixels.data(), frame.pixels.size()}}};
    for (const Array& grid : geometry)  // none for an engine of one geometry
        inputs["grid"] = {grid.shape, grid.values.data(), grid.values.size() * sizeof(float)};

    Logger logger;
    const std::vector<char> plan = read_file(words[1]);
    const std::unique_ptr<nvinfer1::IRuntime> runtime(nvinfer1::createInferRuntime(logger));
    require(runtime != nullptr, "TensorRT does not start");
    const std::unique_ptr<nvinfer1::ICudaEngine> engine(runtime->deserializeCudaEngine(plan.data(), plan.size()));
    require(engine != nullptr, "the engine is of another TensorRT or GPU; build it here: ingan-fast export --trt");

    cudaStream_t stream = nullptr;
    check(cudaStreamCreate(&stream));
    write_ppm(words[3], run(*engine, inputs, stream));
    check(cudaStreamDestroy(stream));
    return 0;
} catch (const std::exception& error) {
    std::cerr << "retarget_trt: " << error.what() << '\n';
    return 2;
}
