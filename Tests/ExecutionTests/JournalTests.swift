import Execution
import Failures
import Files
import Glibc
import HostProtocol
import Plan
import TestSupport
import Testing

@Suite struct JournalTests {
    /// A journal of five events.
    func write(_ path: String) throws -> [RunEvent] {
        let journal = try Journal(path)
        let events = (1...5).map { number in journal.append(.note) { $0.text = "number \(number) “ü”\n" } }
        try journal.commit()
        return events
    }

    @Test func whatWasCommittedIsThereAgain() throws {
        try withScratch { folder in
            let events = try write(folder + "/journal")
            let again = try Journal(folder + "/journal")
            #expect(again.recorded == events)
            #expect(again.append(.note).sequence == 6)
        }
    }

    /// A crash, or a power loss, leaves any beginning of the file.
    @Test func aTornTailIsCutWhereverItIsTorn() throws {
        try withScratch { folder in
            let path = folder + "/journal"
            let events = try write(path)
            let whole = try File.read(path)
            let ends = whole.indices.filter { whole[$0] == UInt8(ascii: "\n") }
            for length in 0...whole.count {
                try File.write(whole[..<length], to: path, syncing: false)
                let journal = try Journal(path)
                let kept = ends.filter { $0 < length }.count
                #expect(journal.recorded == Array(events.prefix(kept)))
                journal.append(.note) { $0.text = "after" }
                try journal.commit(syncing: false)
                #expect(try File.read(path).starts(with: whole[..<(kept == 0 ? 0 : ends[kept - 1] + 1)]))
            }
        }
    }

    @Test func aHoleInTheLastLineIsCutToo() throws {
        try withScratch { folder in
            let path = folder + "/journal"
            let events = try write(path)
            var bytes = try File.read(path)
            bytes[bytes.count - 8] = 0
            try File.write(bytes, to: path)
            #expect(try Journal(path).recorded == Array(events.prefix(4)))
        }
    }

    /// After a power loss lines that were written later may be there while earlier ones are not.
    @Test func whatStandsBehindAHoleCountsForNothing() throws {
        try withScratch { folder in
            let path = folder + "/journal"
            let events = try write(path)
            let whole = try File.read(path)
            let ends = whole.indices.filter { whole[$0] == UInt8(ascii: "\n") }
            for hole in whole.indices {
                var bytes = whole
                bytes[hole] = 0
                try File.write(bytes, to: path, syncing: false)
                let journal = try Journal(path)
                let kept = ends.filter { $0 < hole }.count
                #expect(journal.recorded == Array(events.prefix(kept)))
                #expect(journal.cut == whole.count - (kept == 0 ? 0 : ends[kept - 1] + 1))
                #expect(Journal.read(path) == journal.recorded)
                #expect(Journal.last(path) == journal.recorded.last)
            }
        }
    }

    @Test func whatADiskHadNoRoomForLeavesNoHalfLine() throws {
        try FullDisk.with { folder in
            let path = folder + "/journal"
            let journal = try Journal(path)
            journal.append(.note) { $0.text = "first" }
            try journal.commit()
            FullDisk.fill(folder, leaving: 0)
            journal.append(.note) { $0.text = String(repeating: "much", count: 20_000) }
            #expect(throws: ExecutionFailure.self) { try journal.commit() }
            #expect(Journal.read(path).map(\.text) == ["first"])
            File.remove(folder + "/filler")
            journal.append(.note) { $0.text = "after" }
            try journal.commit()
            #expect(Journal.read(path).map(\.sequence) == [1, 2, 3])
            #expect(Journal.last(path)?.text == "after")
        }
    }

    @Test func onlyOneProcessHoldsIt() throws {
        try withScratch { folder in
            let journal = try Journal(folder + "/journal")
            #expect(Journal.isHeld(folder + "/journal"))
            #expect(throws: ExecutionFailure.self) { try Journal(folder + "/journal") }
            withExtendedLifetime(journal) {}
        }
    }
}
