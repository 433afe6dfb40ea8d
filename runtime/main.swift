internal import Failures
internal import Files
internal import Glibc

let arguments = Array(CommandLine.arguments.dropFirst())
do {
    switch arguments.first {
    case "adopt": try Adoption.run(Array(arguments.dropFirst()))
    default:
        throw AdoptionFailure(summary: "las-runtime is started by las and by bundles", cause: nil, exitCode: .usage)
    }
} catch {
    let failure = error as? any Failure
    try? File.writeAll(
        Array("las-runtime: \(failure?.description ?? "\(error)")\n".utf8), to: 2, path: "standard error")
    exit(failure?.exitCode.rawValue ?? ExitCode.resources.rawValue)
}
