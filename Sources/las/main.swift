import Commands
import Glibc

exit(await Las.run(Array(CommandLine.arguments.dropFirst())))
