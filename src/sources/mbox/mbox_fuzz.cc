// Fuzzes the scanner of mbox files: the mails it finds lie inside the file, one behind the other.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "os/file.h"
#include "sources/mbox/scanner.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lar::sources::mbox;
  const lar::os::Descriptor file(::memfd_create("mbox", MFD_CLOEXEC));
  if (!file.valid() || ::pwrite(file.get(), data, size, 0) != static_cast<ssize_t>(size)) {
    std::abort();
  }
  const auto found = scan(file.get(), "mbox", 0, 1, {});
  if (!found) return 0;
  if (found->size != size) std::abort();
  std::uint64_t end = 0;
  for (const Mail& mail : found->mails) {
    if (mail.offset < end || mail.begin < mail.offset || mail.end < mail.begin || mail.end > size) {
      std::abort();
    }
    end = mail.end;
    const std::string bytes(reinterpret_cast<const char*>(data) + mail.begin,
                            mail.end - mail.begin);
    if (unquote(std::string(bytes)).size() > bytes.size()) std::abort();
    // A later sync finds the mail where it was by these.
    if (fingerprint_of(bytes) != mail.fingerprint) std::abort();
  }
  return 0;
}
