import Files
import Foundation
import Glibc
import HostProtocol

@testable import Execution
@testable import Hosts

// What libFuzzer calls. The first byte says who reads the rest: anybody, a host that las speaks to, las that a host speaks to,
// las that leads a run, or either of them where they speak of a workspace.
// Whatever the bytes are, nothing may crash, hang, take memory by a length that a stranger names, or write outside of the scratch
// folder (the run's own checks, and `fuzz.sh`, which looks at it).

private let scratch: String = {
    let name = "/tmp/las-fuzz-\(getpid())"
    try? Folder.make(name + "/lash")
    try? Folder.make(name + "/results")
    return name
}()

/// libFuzzer's own, see llvm.org/docs/LibFuzzer.html.
@_silgen_name("LLVMFuzzerRunDriver")
private func fuzz(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutableRawPointer,
    _ read: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// What SwiftPM takes for the program's beginning.
@_cdecl("fuzz_frames_main")
public func main(_ count: CInt, _ arguments: UnsafeMutableRawPointer) -> CInt {
    signal(SIGPIPE, SIG_IGN)
    if let folder = getenv("LAS_FUZZ_SEEDS") { Seeds.write(to: String(cString: folder)) }
    var (count, arguments) = (count, arguments)
    return withUnsafeMutablePointer(to: &arguments) { fuzz(&count, $0, read) }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func read(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    guard let data, size > 1 else { return 0 }
    let bytes = Array(UnsafeBufferPointer(start: data + 1, count: size - 1))
    switch data[0] % 5 {
    case 0: ReadByAnybody.read(bytes)
    case 1: ReadByHost.read(bytes, in: scratch)
    case 3: ReadByLead.read(bytes, in: scratch)
    case 4: ReadByShare.read(bytes, in: scratch)
    default: ReadByLas.read(bytes, in: scratch)
    }
    return 0
}
