// The command line of lar. Every command goes through the routes of the web API: to the running
// `lar serve` of the home, or to an application in this process.
#pragma once

namespace lar::cli {

// The whole program; gives its exit code.
int run(int count, char** arguments);

}  // namespace lar::cli
