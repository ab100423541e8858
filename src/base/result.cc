// Error construction and description. No state; safe from any thread.
#include "base/result.h"

#include <cerrno>
#include <cstring>

namespace lar::base {

Error&& Error::during(std::string what) && {
  context.push_back(std::move(what));
  return std::move(*this);
}

std::string Error::describe() const {
  std::string text = code;
  if (!parameters.empty()) {
    text += '{';
    for (size_t index = 0; index < parameters.size(); ++index) {
      if (index > 0) text += ", ";
      text += parameters[index].first + "=" + parameters[index].second;
    }
    text += '}';
  }
  for (const std::string& step : context) text += " <- " + step;
  return text;
}

tl::unexpected<Error> fail(ErrorKind kind, std::string code, Parameters parameters, Retry retry) {
  return tl::unexpected<Error>(Error{kind, std::move(code), std::move(parameters), retry, {}});
}

tl::unexpected<Error> fail_errno(int error_number, std::string_view path, std::string_view doing) {
  const Parameters parameters = {{"path", std::string(path)},
                                 {"doing", std::string(doing)},
                                 {"detail", std::strerror(error_number)}};
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return fail(ErrorKind::not_found, "file.missing", parameters);
    case EACCES:
    case EPERM:
    case EROFS:
      return fail(ErrorKind::permission, "file.permission", parameters);
    case ENOSPC:
    case EDQUOT:
      return fail(ErrorKind::no_space, "file.no_space", parameters, Retry::later);
    case EEXIST:
      return fail(ErrorKind::already_exists, "file.exists", parameters);
    case ELOOP:
      return fail(ErrorKind::invalid_input, "file.link_loop", parameters);
    default:
      return fail(ErrorKind::unavailable, "file.system", parameters, Retry::later);
  }
}

}  // namespace lar::base
