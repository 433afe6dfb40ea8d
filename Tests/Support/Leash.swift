internal import Foundation

/// A server of a test: a shell holds it on a leash. When the pipe closes, whoever held its other end and however that
/// ended, the server is ended; by force, since a thread of a test may have every other signal blocked, and its children too.
enum Leash {
    /// - Returns: the shell, which ends after the server, and the pipe whose writing end is to be closed.
    static func start(_ command: [String], log: String) throws -> (Process, Pipe) {
        let (process, leash) = (Process(), Pipe())
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments =
            [
                "-c",
                "l=$1; shift; \"$@\" < /dev/null > /dev/null 2> \"$l\" & p=$!; cat > /dev/null; kill -9 $p; wait $p",
                "sh",
                log,
            ] + command
        process.standardInput = leash
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        // Not for the children of other tests, which would hold the leash too.
        _ = fcntl(leash.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        try process.run()
        try? leash.fileHandleForReading.close()
        return (process, leash)
    }
}
