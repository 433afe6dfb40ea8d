import Files
import HostProtocol
import TestSupport
import Testing
import Workspaces

@testable import Execution

@Suite struct ShareLineTests {
    /// Which workspace a frame is about.
    private func workspace(_ frame: Frame) -> String {
        let length = Int(frame.payload[0]) << 8 | Int(frame.payload[1])
        return String(decoding: frame.payload[2..<2 + length], as: UTF8.self)
    }

    @Test func aBusyWorkspaceDoesNotHoldUpAnother() throws {
        try withScratch { scratch in
            // Names so long that several messages are needed to tell them.
            let deep = (1...4).map { String(repeating: "\($0)", count: 250) }.joined(separator: "/")
            try Folder.make("\(scratch)/busy/files/\(deep)")
            for number in 1...600 { try File.write("", to: "\(scratch)/busy/files/\(deep)/\(number)", syncing: false) }
            for name in ["other", "quiet"] {
                try Folder.make("\(scratch)/\(name)/files")
                try File.write("here\n", to: "\(scratch)/\(name)/files/said", syncing: false)
            }
            var all: [String: Share] = [:]
            for name in ["busy", "other", "quiet"] {
                all[name] = try Share("\(scratch)/\(name)", host: "head", rule: .keepBoth)
            }
            let shares = RunShares(all)
            defer { shares.end() }
            let line = ShareLine(host: "h", wake: {}) { _ in shares }
            try line.join(Array(all.keys))
            var spoken: [String] = []
            while let frame = try line.next() { spoken.append(workspace(frame)) }
            #expect(Array(spoken.prefix(3)) == ["busy", "other", "quiet"])
            #expect(spoken.filter { $0 == "busy" }.count > 2)
            line.leave()
        }
    }
}
