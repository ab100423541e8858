// lar: the program. Everything is in src/cli.
#include "cli/cli.h"

int main(int count, char** arguments) { return lar::cli::run(count, arguments); }
