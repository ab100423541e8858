// lar-read: the confined process in which all parsing of foreign bytes happens. It is started by
// the Reading service (src/reading), says hello, gives up everything it does not need, and then
// answers one request after another until its standard input ends. One thread.
//
// What it keeps: reading files of the system (charset tables, time zones, fonts; by Landlock only
// below /usr and /etc), its two pipes and memory. What it loses: the network, writing anywhere,
// starting anything, other processes. Each layer is used where the system offers it; the seccomp
// filter is always there and alone suffices for the last four.
//
// With --try FILE it reads one file and prints the frames: for people who write readers.
#include <fcntl.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <new>
#include <nlohmann/json.hpp>
#include <string>

#include "domain/json.h"
#include "os/file.h"
#include "readers/reader.h"
#include "reading/wire.h"

#if defined(__SANITIZE_ADDRESS__)
#define LAR_ADDRESS_SANITIZER 1
// The leak check at exit wants to trace the process, which confinement forbids.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
  return "detect_leaks=0:allocator_may_return_null=1";
}
#endif

namespace {

using lar::base::Error;
using lar::base::ErrorKind;
using lar::base::fail;
using lar::base::Result;
using nlohmann::json;

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

bool write_frame(const json& frame) {
  return write_all(1, frame.dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
}

// Said without allocating: there is nothing left to allocate.
[[noreturn]] void out_of_memory() {
  static constexpr std::string_view frame =
      "{\"frame\":\"error\",\"kind\":8,\"code\":\"reading.memory\",\"parameters\":[[\"name\",\"\"]]"
      "}\n";
  static_assert(static_cast<int>(ErrorKind::no_space) == 8);
  write_all(1, frame);  // frames are complete before they are written, so none is half out
  _exit(3);
}

bool write_error(const Error& error) {
  json parameters = json::array();
  for (const auto& [name, value] : error.parameters) parameters.push_back({name, value});
  return write_frame({{"frame", "error"},
                      {"kind", static_cast<int>(error.kind)},
                      {"code", error.code},
                      {"parameters", std::move(parameters)}});
}

// ---- confinement -------------------------------------------------------------------------------

void confine_files() {
  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs =
      LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
      LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
      LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
      LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
      LANDLOCK_ACCESS_FS_MAKE_SYM;
  const auto ruleset =
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0));
  if (ruleset < 0) return;  // a kernel without it
  for (const char* path :
       {"/usr", "/etc", "/lib", "/lib64", "/var/cache/fontconfig", "/proc/self"}) {
    const int folder = ::open(path, O_PATH | O_CLOEXEC);
    if (folder < 0) continue;
    landlock_path_beneath_attr beneath{};
    beneath.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    beneath.parent_fd = folder;
    ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
    ::close(folder);
  }
  ::syscall(SYS_landlock_restrict_self, ruleset, 0);
  ::close(ruleset);
}

void limit(int resource, rlim_t value) {
  const rlimit bounds{value, value};
  ::setrlimit(static_cast<__rlimit_resource>(resource), &bounds);
}

// Address space in use now, in bytes.
rlim_t address_space() {
  std::ifstream status("/proc/self/statm");
  rlim_t pages = 0;
  status >> pages;
  return pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
}

bool confine_calls() {
  const std::array allowed = {
      SCMP_SYS(read),
      SCMP_SYS(pread64),
      SCMP_SYS(readv),
      SCMP_SYS(write),
      SCMP_SYS(writev),
      SCMP_SYS(close),
      SCMP_SYS(fstat),
      SCMP_SYS(newfstatat),
      SCMP_SYS(stat),
      SCMP_SYS(lstat),
      SCMP_SYS(statx),
      SCMP_SYS(lseek),
      SCMP_SYS(mmap),
      SCMP_SYS(mprotect),
      SCMP_SYS(munmap),
      SCMP_SYS(mremap),
      SCMP_SYS(brk),
      SCMP_SYS(madvise),
      SCMP_SYS(rt_sigaction),
      SCMP_SYS(rt_sigprocmask),
      SCMP_SYS(rt_sigreturn),
      SCMP_SYS(sigaltstack),
      SCMP_SYS(futex),
      SCMP_SYS(gettid),
      SCMP_SYS(getpid),
      SCMP_SYS(exit),
      SCMP_SYS(exit_group),
      SCMP_SYS(clock_gettime),
      SCMP_SYS(clock_getres),
      SCMP_SYS(gettimeofday),
      SCMP_SYS(time),
      SCMP_SYS(sched_yield),
      SCMP_SYS(getrandom),
      SCMP_SYS(recvmsg),
      SCMP_SYS(poll),
      SCMP_SYS(readlink),
      SCMP_SYS(readlinkat),
      SCMP_SYS(getdents64),
      SCMP_SYS(access),
      SCMP_SYS(faccessat),
      SCMP_SYS(faccessat2),
      SCMP_SYS(getcwd),
      SCMP_SYS(getrusage),
      SCMP_SYS(uname),
      SCMP_SYS(getuid),
      SCMP_SYS(geteuid),
      SCMP_SYS(getgid),
      SCMP_SYS(getegid),
      SCMP_SYS(sysinfo),
      SCMP_SYS(sched_getaffinity),
      SCMP_SYS(rseq),
      SCMP_SYS(set_robust_list),
      SCMP_SYS(restart_syscall),
      SCMP_SYS(fadvise64),
      SCMP_SYS(fstatfs),
      SCMP_SYS(statfs),
      SCMP_SYS(clock_nanosleep),
      SCMP_SYS(nanosleep),
      SCMP_SYS(getrlimit),
      SCMP_SYS(setrlimit),
      SCMP_SYS(prlimit64),
#ifdef LAR_ADDRESS_SANITIZER
      // the sanitizers test memory by writing it into a pipe
      SCMP_SYS(pipe),
      SCMP_SYS(pipe2),
#endif
  };
  const scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
  if (filter == nullptr) return false;
  bool ready = true;
  for (const int call : allowed) {
    ready = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0) == 0 && ready;
  }
  // Opening for reading only: none of the flags that write, create or cut.
  constexpr unsigned writing = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND;
  ready = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
                           SCMP_A2(SCMP_CMP_MASKED_EQ, writing, O_RDONLY)) == 0 &&
          ready;
  ready = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
                           SCMP_A1(SCMP_CMP_MASKED_EQ, writing, O_RDONLY)) == 0 &&
          ready;
  // abort() signals its own process, and nobody else.
  ready = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                           SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(::getpid()))) == 0 &&
          ready;
  for (const int command : {F_GETFD, F_GETFL, F_SETFD, F_DUPFD_CLOEXEC}) {
    ready = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
                             SCMP_A1(SCMP_CMP_EQ, static_cast<scmp_datum_t>(command))) == 0 &&
            ready;
  }
  ready = seccomp_load(filter) == 0 && ready;
  seccomp_release(filter);
  return ready;
}

// Things that must be loaded before the doors close, or are needed for nearly every file.
void warm_up() {
  lar::readers::registry();
  lar::base::to_local(0, "Europe/Madrid");
  lar::base::to_local(0, "UTC");
}

// What standard output is: the service's pipe, or for --try perhaps a file.
enum class Output { pipe, any };

bool confine(rlim_t memory, Output output) {
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  // The service has done this already where it could; again for those who start the program alone.
  if (::unshare(CLONE_NEWNET) != 0) ::unshare(CLONE_NEWUSER | CLONE_NEWNET);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  confine_files();
  if (output == Output::pipe) limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_NOFILE, 64);
#ifndef LAR_ADDRESS_SANITIZER
  if (memory > 0) limit(RLIMIT_AS, address_space() + memory);
#else
  static_cast<void>(memory);
  static_cast<void>(&address_space);
#endif
  return confine_calls();
}

// A deadline in processor time for the request at hand: the service's clock decides, this helps
// where the service itself is gone or stopped.
void limit_processor_time(rlim_t seconds) {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  rlimit bounds{};
  ::getrlimit(RLIMIT_CPU, &bounds);
  bounds.rlim_cur = static_cast<rlim_t>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + 1 + seconds;
  ::setrlimit(RLIMIT_CPU, &bounds);
}

// ---- requests ----------------------------------------------------------------------------------

struct Received {
  std::string text;
  lar::os::Descriptor descriptor;
};

// One request with its descriptor; nothing at the end of the input or if it breaks the protocol.
std::optional<Received> receive() {
  Received request;
  std::string bytes;
  size_t wanted = 4;
  bool have_length = false;
  while (bytes.size() < wanted) {
    std::array<char, 4096> buffer;
    iovec vector{buffer.data(), std::min(buffer.size(), wanted - bytes.size())};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t count = ::recvmsg(0, &message, MSG_CMSG_CLOEXEC);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return std::nullopt;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
      if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
      request.descriptor = lar::os::Descriptor(descriptor);
    }
    bytes.append(buffer.data(), static_cast<size_t>(count));
    if (!have_length && bytes.size() >= 4) {
      size_t length = 0;
      for (unsigned index = 0; index < 4; ++index) {
        length |= static_cast<size_t>(static_cast<unsigned char>(bytes[index])) << (8 * index);
      }
      if (length > lar::reading::most_request_bytes) return std::nullopt;
      have_length = true;
      wanted = 4 + length;
    }
  }
  request.text = bytes.substr(4);
  return request;
}

Result<std::string> read_range(int descriptor, std::uint64_t offset, std::uint64_t length,
                               const std::string& name) {
  struct stat information{};
  if (::fstat(descriptor, &information) != 0) {
    return lar::base::fail_errno(errno, name, "reading");
  }
  if (!S_ISREG(information.st_mode)) {
    return fail(ErrorKind::unsupported, "reading.unsupported", {{"name", name}});
  }
  const auto size = static_cast<std::uint64_t>(information.st_size);
  offset = std::min(offset, size);
  const std::uint64_t whole = std::min(length == 0 ? size - offset : length, size - offset);
  if (whole > lar::reading::most_file_bytes) {
    return fail(ErrorKind::unsupported, "reading.too_large", {{"name", name}});
  }
  std::string bytes(whole, '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = ::pread(descriptor, bytes.data() + done, bytes.size() - done,
                                  static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return lar::base::fail_errno(errno, name, "reading");
    if (count == 0) break;  // it shrank meanwhile
    done += static_cast<size_t>(count);
  }
  bytes.resize(done);
  return bytes;
}

#ifdef LAR_TEST_HOOKS
// What hostile files achieve at worst, for the tests of the service. Only in builds with tests.
void misbehave(const std::string& name) {
  if (std::getenv("LAR_READ_TEST") == nullptr) return;
  if (name == "test-hang") {
    static volatile std::sig_atomic_t for_ever = 1;
    while (for_ever != 0) {
    }
  }
  if (name == "test-crash") ::raise(SIGSEGV), std::abort();
  if (name == "test-exit") _exit(0);
  if (name == "test-nonsense") write_all(1, "{\"frame\": 4}\n");
  if (name == "test-flood") {
    const std::string line(1u << 20, 'x');
    while (write_all(1, line)) {
    }
  }
  if (name == "test-allocate") {
    std::vector<std::string> hoard;
    while (hoard.size() < 100'000) hoard.emplace_back(16u << 20, 'x');
  }
  if (name == "test-escape") {
    // Every door, each of which must be shut; an open one is told by its name.
    std::string open;
    if (::open("/tmp/lar-escape", O_WRONLY | O_CREAT, 0600) >= 0) open += " write";
    if (::socket(AF_INET, SOCK_STREAM, 0) >= 0) open += " inet";
    if (::socket(AF_UNIX, SOCK_STREAM, 0) >= 0) open += " unix";
    if (::fork() >= 0) open += " fork";
    if (::kill(::getppid(), 0) == 0) open += " kill";
    char* const nothing[] = {nullptr};
    ::execve("/bin/true", nothing, nothing);
    if (errno != EPERM && errno != EACCES) open += " exec";
    write_error({ErrorKind::permission, "test.escape", {{"open", open}}, {}, {}});
    _exit(0);
  }
}
#endif

Result<const lar::readers::Reader*> read_items(const lar::readers::Input& input,
                                               std::vector<lar::domain::Item>& items) {
  const lar::readers::Reader* reader = lar::readers::find_reader(input);
  if (reader == nullptr) {
    return fail(ErrorKind::unsupported, "reading.unsupported", {{"name", input.name}});
  }
  TRY_ASSIGN(items, reader->read(input));
  return reader;
}

// Reads and writes all frames of the answer; false if nobody listens any more.
bool answer(const lar::readers::Input& input) {
  std::vector<lar::domain::Item> items;
  const auto reader = [&]() -> Result<const lar::readers::Reader*> {
    try {
      return read_items(input, items);
    } catch (const std::bad_alloc&) {
      out_of_memory();
    } catch (const std::exception&) {
      // Readers promise not to throw; a library may have found a new way.
      return fail(ErrorKind::corrupt, "reading.crashed", {{"name", input.name}});
    }
  }();
  if (!reader) return write_error(reader.error());
  for (const lar::domain::Item& item : items) {
    if (!write_frame({{"frame", "item"}, {"item", to_json(item)}})) return false;
  }
  return write_frame(
      {{"frame", "done"}, {"producer", (*reader)->name}, {"version", (*reader)->version}});
}

std::string base_name(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

bool serve_request(const Received& received) {
  const json request = json::parse(received.text, nullptr, false);
  if (!request.is_object()) return false;
  lar::readers::Input input;
  std::string bytes;
  try {
    input.path = request.at("path").get<std::string>();
    input.name = base_name(request.at("name").get<std::string>());
    if (input.name.empty()) input.name = base_name(input.path);
    input.media_type = request.at("media_type").get<std::string>();
    input.modified = request.at("modified").get<std::int64_t>();
    input.owner_zone = request.at("owner_zone").get<std::string>();
    input.horizon_begin = request.at("horizon_begin").get<std::int64_t>();
    input.horizon_end = request.at("horizon_end").get<std::int64_t>();
    if (request.at("details").get<bool>()) input.details = lar::readers::Details::yes;
    auto range = read_range(received.descriptor.get(), request.at("offset").get<std::uint64_t>(),
                            request.at("length").get<std::uint64_t>(), input.name);
    if (!range) return write_error(range.error());
    bytes = std::move(*range);
  } catch (const json::exception&) {
    return false;
  } catch (const std::bad_alloc&) {
    out_of_memory();
  }
  input.bytes = bytes;
#ifdef LAR_TEST_HOOKS
  misbehave(input.name);
#endif
  return answer(input);
}

std::uint64_t number_option(int count, char** arguments, std::string_view name,
                            std::uint64_t fallback) {
  for (int index = 1; index < count; ++index) {
    std::string_view argument = arguments[index];
    if (!argument.starts_with(name)) continue;
    argument.remove_prefix(name.size());
    std::from_chars(argument.data(), argument.data() + argument.size(), fallback);
  }
  return fallback;
}

int try_file(const std::string& path, const std::string& media_type) {
  const auto bytes = lar::os::read_file(path, lar::reading::most_file_bytes);
  if (!bytes) {
    write_error(bytes.error());
    return 1;
  }
  if (!confine(0, Output::any)) return 2;
  lar::readers::Input input;
  input.bytes = *bytes;
  input.name = base_name(path);
  input.path = input.name;
  input.media_type = media_type;
  input.owner_zone = "Europe/Madrid";
  input.horizon_begin = lar::base::from_local({{2024, 1, 1}, 0, 0, 0}, "UTC");
  input.horizon_end = lar::base::from_local({{2028, 1, 1}, 0, 0, 0}, "UTC");
  return answer(input) ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  std::signal(SIGPIPE, SIG_IGN);
  std::set_new_handler(&out_of_memory);
  warm_up();
  if (count >= 3 && std::string_view(arguments[1]) == "--try") {
    return try_file(arguments[2], count > 3 ? arguments[3] : "");
  }
  ::syscall(SYS_close_range, 3U, ~0U, 0);
  const auto memory = number_option(count, arguments, "--memory=", 768u << 20);
  const auto seconds = number_option(count, arguments, "--seconds=", 22);
  if (!confine(memory, Output::pipe)) return 2;
  json readers = json::array();
  for (const lar::readers::Reader& reader : lar::readers::registry()) {
    readers.push_back(
        {{"name", reader.name}, {"version", reader.version}, {"extensions", reader.extensions}});
  }
  if (!write_frame({{"frame", "hello"}, {"readers", std::move(readers)}})) return 1;
  while (true) {
    const std::optional<Received> request = receive();
    if (!request) return 0;
    limit_processor_time(seconds);
    if (!serve_request(*request)) return 1;
  }
}
