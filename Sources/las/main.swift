import Commands
import Glibc

let words = Array(CommandLine.arguments.dropFirst())
if let code = Las.lead(words) { exit(code) }
exit(await Las.run(words))
