// See ggml_api.h.
#include "ggml_api.h"

#include <dlfcn.h>

#include <cstdlib>
#include <cstring>
#include <string>

#ifndef EXPERT_STREAM_GGML_VERSION
#error "the build has to say which ggml the headers belong to"
#endif

namespace expert_stream {

Outcome<GgmlApi> load_ggml_api() {
  const std::string built_for =
      "ggml " EXPERT_STREAM_GGML_VERSION " (" EXPERT_STREAM_GGML_COMMIT ")";
  GgmlApi api;
#define EXPERT_STREAM_FIND(name)                                                    \
  api.name = reinterpret_cast<decltype(api.name)>(::dlsym(RTLD_DEFAULT, #name));    \
  if (api.name == nullptr)                                                          \
    return failure(                                                                 \
        "this program shows no " #name "; the plug-in was built for " + built_for + \
        ", and a static build of it has to export its symbols (-DCMAKE_ENABLE_EXPORTS=ON)");
  EXPERT_STREAM_GGML_FUNCTIONS(EXPERT_STREAM_FIND)
#undef EXPERT_STREAM_FIND

  const std::string version = api.ggml_version();
  const std::string commit = api.ggml_commit();
  const char* accepted = std::getenv("EXPERT_STREAM_ACCEPT_COMMIT");
  // One of the two commits may be abbreviated further than the other.
  const std::size_t length = std::min(commit.size(), std::strlen(EXPERT_STREAM_GGML_COMMIT));
  const bool same_commit =
      length >= 7 && commit.compare(0, length, EXPERT_STREAM_GGML_COMMIT, length) == 0;
  if (version != EXPERT_STREAM_GGML_VERSION ||
      (!same_commit && !(accepted != nullptr && commit == accepted)))
    return failure("this program has ggml " + version + " (" + commit +
                   "), the plug-in was built for " + built_for +
                   "; the interface between them changes without notice: build the plug-in against "
                   "the source of this program");
  // The numbers of operations and types are part of the interface and shift when one is added.
  if (std::strcmp(api.ggml_op_name(GGML_OP_MUL_MAT_ID), "MUL_MAT_ID") != 0 ||
      std::strcmp(api.ggml_type_name(GGML_TYPE_Q6_K), "q6_K") != 0 ||
      std::strcmp(api.ggml_type_name(GGML_TYPE_MXFP4), "mxfp4") != 0 ||
      api.ggml_tensor_overhead() < sizeof(ggml_tensor) ||
      api.ggml_tensor_overhead() > sizeof(ggml_tensor) + 64)
    return failure("this program's ggml calls itself " + version +
                   " but numbers its operations or lays out its tensors differently");
  return api;
}

}  // namespace expert_stream
