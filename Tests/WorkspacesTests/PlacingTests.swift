import Files
import TestSupport
import Testing

@testable import Workspaces

/// What comes to the machine that leads a run is told to the others before it lies there.
@Suite struct PlacingTests {
    /// A machine that writes, by hand.
    private struct Writer {
        let replica: Replica
        let peer: SharePeer

        init(_ folder: String) throws {
            replica = try Replica(folder, host: "w", rule: .keepBoth)
            peer = SharePeer(replica, answers: true)
        }

        func write(_ text: String, to name: String) throws {
            try File.write(text, to: "\(replica.folder.path)/\(name)", syncing: false)
            peer.tell(try replica.lookAtAll(), isNews: true)
        }
    }

    private func text(_ path: String) -> String? {
        (try? File.read(path)).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func itCountsForWhoBroughtItWhenItLiesThere() throws {
        try withScratch { scratch in
            let head = try Share(scratch + "/head", host: "head", rule: .keepBoth, placesLater: true)
            defer { head.end() }
            let writer = try Writer(scratch + "/w")
            let (number, other) = (head.join {}, head.join {})
            try writer.write("one", to: "a")
            while let message = try writer.peer.next() { try head.hear(number, message) }
            // With its bytes, wherever they lie.
            var told: [RelativePath] = []
            while told.isEmpty, let message = try head.next(other) {
                guard case .tell(let known, let short) = try ShareMessage(bytes: message) else { continue }
                told = known.map(\.name)
                if !told.isEmpty { #expect(short.map(\.bytes) == [Array("one".utf8)]) }
            }
            #expect(told.map(\.string) == ["a"])
            let begun = ContinuousClock.now
            var counted: UInt64 = 0
            while counted < 1, ContinuousClock.now - begun < .seconds(180) {
                guard let message = try head.next(number) else { continue }
                guard case .counts(let count) = try ShareMessage(bytes: message) else { continue }
                counted = count
            }
            #expect(text(scratch + "/head/files/a") == "one")

            // Who asks whether all lies there gets it there.
            try writer.write("two", to: "b")
            while let message = try writer.peer.next() { try head.hear(number, message) }
            #expect(try head.isInStep(number))
            #expect(text(scratch + "/head/files/b") == "two")

            // Who brought it goes.
            try writer.write("three", to: "c")
            while let message = try writer.peer.next() { try head.hear(number, message) }
            head.leave(number)
            #expect(text(scratch + "/head/files/c") == "three")
        }
    }

    @Test func whatHadNoPlaceWhenTheProcessEndedIsAskedForAgain() throws {
        try withScratch { scratch in
            let writer = try Writer(scratch + "/w")
            try writer.write("one", to: "a")
            do {
                let head = try Replica(scratch + "/head", host: "head", rule: .keepBoth)
                let peer = SharePeer(head, answers: true, placesLater: true)
                while let message = try writer.peer.next() { _ = try peer.hear(message) }
                #expect(peer.awaitsPlace)
                // It ends here, as if it were killed.
            }
            #expect(text(scratch + "/head/files/a") == nil)
            let head = try Share(scratch + "/head", host: "head", rule: .keepBoth, placesLater: true)
            defer { head.end() }
            let number = head.join {}
            let peer = SharePeer(writer.replica, answers: true)
            var isMore = true
            while isMore {
                isMore = false
                if let message = try peer.next() {
                    isMore = true
                    try head.hear(number, message)
                }
                if let message = try head.next(number) {
                    isMore = true
                    _ = try peer.hear(message)
                }
            }
            #expect(try head.isInStep(number))
            #expect(text(scratch + "/head/files/a") == "one")
        }
    }
}
