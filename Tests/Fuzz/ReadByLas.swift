import Dispatch
import Files
import HostProtocol

@testable import Hosts

/// las's side: what a hostile host answers when results are asked for, and when a run is followed.
enum ReadByLas {
    static func read(_ bytes: [UInt8], in scratch: String) {
        guard let run = RunID("20261126-101010-x-12345"), let session = try? HostSession(.local) else { return }
        let ended = DispatchSemaphore(value: 0)
        Task.detached {
            defer { ended.signal() }
            do {
                try await session.open(Given(Seeds.answer + bytes), as: "las fuzzed")
                if bytes.first ?? 0 < 128 {
                    _ = try await session.fetch(run, into: scratch + "/results")
                } else {
                    try await session.follow(run, bringing: { _ in scratch + "/results" }) { _ in }
                }
            } catch {}
            await session.close()
        }
        ended.wait()
    }

    /// A host that has said all that it will say.
    private final class Given: Channel, @unchecked Sendable {
        private var bytes: [UInt8]
        let errors = Tail()

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        func read(waiting: Bool) throws(HostFailure) -> [UInt8]? {
            defer { bytes = [] }
            return bytes
        }
        func write(_ bytes: [UInt8]) throws(HostFailure) {}
        func finishWriting() throws(HostFailure) {}
        func leave() {}
        func close() -> Int32? { 0 }
    }
}
