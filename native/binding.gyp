# One addon; the kernels are compiled once for each instruction set (src/isa.h), everything else once.
{
  "variables": {
    "kernels": [
      "smallKernels.cc",
      "src/kernels/attention.cc",
      "src/kernels/attentionGrad.cc",
      "src/kernels/gemm.cc",
      "src/kernels/gemmBf16.cc",
      "src/kernels/tokenLogProbs.cc",
    ],
  },
  "target_defaults": {
    "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++20"],
    "cflags_cc": ["-std=c++17", "-O3", "-fexceptions", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wno-maybe-uninitialized", "-Wno-uninitialized", "-fno-math-errno"],
    "xcode_settings": {
      "GCC_ENABLE_CPP_EXCEPTIONS": "YES",
      "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
      "GCC_OPTIMIZATION_LEVEL": "3",
      "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
      "MACOSX_DEPLOYMENT_TARGET": "11.0",
      "DEAD_CODE_STRIPPING": "YES",
    },
    "msvs_settings": {
      "VCCLCompilerTool": {"ExceptionHandling": 1, "AdditionalOptions": ["/std:c++17", "/O2"]},
    },
  },
  "targets": [
    {
      "target_name": "brevity",
      "sources": ["<!@(node sources.mjs src src/ops src/elements)"],
      "defines": ["NAPI_VERSION=8"],
      "dependencies": ["kernels_plain"],
      # Node unloads an addon when its last worker ends, while the pool's threads may still sleep in it: nodelete.
      "ldflags": ["-pthread", "-s", "-Wl,--gc-sections", "-Wl,-z,nodelete"],
      "conditions": [
        ["target_arch=='x64'", {"dependencies": ["kernels_avx2", "kernels_avx512"]}],
        ["target_arch=='arm64'", {"dependencies": ["kernels_neon"]}],
        ["OS=='linux'", {
          "sources": ["<!@(node sources.mjs cuda)"],
          "defines": ["BREVITY_CUDA_DIR=\"<(module_root_dir)/cuda\""],
          "libraries": ["-ldl"],
        }],
      ],
    },
    {
      "target_name": "kernels_plain",
      "type": "static_library",
      "sources": ["<@(kernels)"],
    },
  ],
  "conditions": [
    ["target_arch=='x64'", {
      "targets": [
        {
          "target_name": "kernels_avx2",
          "type": "static_library",
          "sources": ["<@(kernels)"],
          "defines": ["BREVITY_AVX2"],
          "cflags_cc": ["-mavx2", "-mfma"],
          "xcode_settings": {"OTHER_CPLUSPLUSFLAGS": ["-mavx2", "-mfma"]},
          "msvs_settings": {"VCCLCompilerTool": {"AdditionalOptions": ["/arch:AVX2"]}},
        },
        {
          "target_name": "kernels_avx512",
          "type": "static_library",
          "sources": ["<@(kernels)"],
          "defines": ["BREVITY_AVX512"],
          "cflags_cc": [
            "-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mavx2", "-mfma", "-mprefer-vector-width=512",
          ],
          "xcode_settings": {
            "OTHER_CPLUSPLUSFLAGS": ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mavx2", "-mfma"],
          },
          "msvs_settings": {"VCCLCompilerTool": {"AdditionalOptions": ["/arch:AVX512"]}},
        },
      ],
    }],
    ["target_arch=='arm64'", {
      "targets": [
        {
          "target_name": "kernels_neon",
          "type": "static_library",
          "sources": ["<@(kernels)"],
          "defines": ["BREVITY_NEON"],
        },
      ],
    }],
  ],
}
