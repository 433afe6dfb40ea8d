import Files
import Glibc
import TestSupport
import Testing

@testable import Workspaces

/// So many machines hold each file: real folders, and messages that are passed on one after another.
@Suite struct CopiesTests {
    /// A machine that leads, and hosts that hold nothing but what they have to.
    private final class Star {
        let head: Share
        var hosts: [(name: String, share: Share)] = []
        /// What each connection is called on both sides; nil where it is cut.
        var ends: [(there: Int, here: Int)?] = []
        let scratch: String

        init(_ names: [String], copies: Int, in scratch: String) throws {
            self.scratch = scratch
            head = try Share(
                scratch + "/head", host: "head", rule: .keepBoth, isPartial: true, limit: 0, copies: copies)
            for name in names {
                hosts.append((name, try Self.share(name, copies, scratch)))
                ends.append(nil)
                connect(hosts.count - 1)
            }
        }

        private static func share(_ name: String, _ copies: Int, _ scratch: String) throws -> Share {
            try Share(
                "\(scratch)/\(name)", host: name, rule: .keepBoth, watches: true, isPartial: true, limit: 0,
                copies: copies)
        }

        func connect(_ number: Int) {
            let (name, share) = hosts[number]
            ends[number] = (head.join(name) {}, share.join {})
        }

        func cut(_ number: Int) {
            guard let (there, here) = ends[number] else { return }
            head.leave(there)
            hosts[number].share.leave(here)
            ends[number] = nil
        }

        /// Its process ends, and comes again on what lies there.
        func restart(_ number: Int, copies: Int) throws {
            cut(number)
            hosts[number].share.end()
            hosts[number].share = try Self.share(hosts[number].name, copies, scratch)
            connect(number)
        }

        /// All look and tell until it is so.
        func settle(until isSo: () throws -> Bool) throws -> Bool {
            for _ in 0..<18_000 {
                try head.look(settled: true)
                for (_, share) in hosts { try share.look(settled: true) }
                var isMore = true
                while isMore {
                    isMore = false
                    for (number, ends) in ends.enumerated() {
                        guard let (there, here) = ends else { continue }
                        while let message = try head.next(there) {
                            isMore = true
                            try hosts[number].share.hear(here, message)
                        }
                        while let message = try hosts[number].share.next(here) {
                            isMore = true
                            try head.hear(there, message)
                        }
                    }
                }
                if try isSo() { return true }
                usleep(10_000)
            }
            return false
        }

        func files(_ number: Int) throws -> Set<String> {
            Set(try Folder.names(in: "\(scratch)/\(hosts[number].name)/files"))
        }

        /// How many hosts have each file that the head has; what else lies there counts under its name, too.
        func counts(of numbers: [Int]) throws -> [String: Int] {
            var counts: [String: Int] = [:]
            for name in try Folder.names(in: scratch + "/head/files") { counts[name] = 0 }
            for number in numbers { for name in try files(number) { counts[name, default: 0] += 1 } }
            return counts
        }

        func end() {
            for number in hosts.indices { cut(number) }
            for (_, share) in hosts { share.end() }
            head.end()
        }
    }

    private func write(_ text: String, _ path: String) throws { try File.write(text, to: path, syncing: false) }

    @Test func eachFileLiesOnSoManyMachinesAndNoMore() throws {
        try withScratch { scratch in
            let star = try Star(["a", "b", "c", "d"], copies: 3, in: scratch)
            defer { star.end() }
            for number in 0..<40 { try write("file \(number)\n", "\(scratch)/a/files/f\(number)") }
            func isEven(_ hosts: [Int], _ files: Int, _ each: Int) throws -> Bool {
                let counts = try star.counts(of: hosts)
                return counts.count == files && counts.values.allSatisfy { $0 == each }
            }
            #expect(try star.settle { try isEven([0, 1, 2, 3], 40, 2) })
            // Who wrote them has all; the second copies are spread.
            #expect(try star.files(0).count == 40)
            for host in 1...3 { #expect(try (4...24).contains(star.files(host).count), "\(host)") }

            // What is changed and removed is changed and removed on them.
            try write("changed\n", "\(scratch)/a/files/f1")
            File.remove("\(scratch)/a/files/f2")
            #expect(
                try star.settle {
                    try isEven([0, 1, 2, 3], 39, 2)
                        && star.hosts.allSatisfy { host in
                            let path = "\(scratch)/\(host.name)/files/f1"
                            return try !File.exists(path) || File.read(path) == Array("changed\n".utf8)
                        }
                })
            let before = try star.files(1)

            // A cut alone moves nothing; a host that is lost has others hold what it held.
            star.cut(0)
            #expect(try star.settle { true })
            #expect(try star.files(1) == before)
            star.head.lose("a")
            #expect(try star.settle { try isEven([1, 2, 3], 39, 2) })

            // It comes again: there are enough without it, and so it lets go of what it had.
            star.connect(0)
            #expect(try star.settle { try star.files(0).isEmpty && isEven([1, 2, 3], 39, 2) })
            // It counts again for what comes.
            try write("new\n", "\(scratch)/a/files/new")
            #expect(try star.settle { try star.files(0) == ["new"] && isEven([0, 1, 2, 3], 40, 2) })

            // What tasks needed for a while goes, and what has to stay stays; also where the process ends meanwhile.
            try star.hosts[2].share.need("task") { _ in true }
            #expect(try star.settle { try star.files(2).count == 40 })
            try star.hosts[2].share.release("task")
            #expect(try star.settle { try isEven([0, 1, 2, 3], 40, 2) })
            try star.restart(2, copies: 3)
            #expect(try star.settle { try isEven([0, 1, 2, 3], 40, 2) })
        }
    }

    /// A host that comes where there were too few gets what is missing.
    @Test func whereThereAreTooFewTheNextOneGetsThem() throws {
        try withScratch { scratch in
            let star = try Star(["a"], copies: 3, in: scratch)
            defer { star.end() }
            try write("one\n", "\(scratch)/a/files/one")
            try write("of the head\n", "\(scratch)/head/files/two")
            #expect(try star.settle { try star.files(0) == ["one", "two"] })
            star.hosts.append(
                (
                    "b",
                    try Share(
                        scratch + "/b", host: "b", rule: .keepBoth, watches: true, isPartial: true, limit: 0, copies: 3)
                ))
            star.ends.append(nil)
            star.connect(1)
            #expect(try star.settle { try star.files(1) == ["one", "two"] })
            // It is written down a moment later.
            let whoHasThem = {
                try WorkspaceRecord(scratch + "/head", files: scratch + "/head/files", rule: .keepBoth)
                    .items.map(\.places)
            }
            #expect(try star.settle { try whoHasThem() == [["head", "a", "b"], ["head", "a", "b"]] })
            // Who is lost is not told of any more.
            star.cut(1)
            star.head.lose("b")
            #expect(try star.settle { try whoHasThem() == [["head", "a"], ["head", "a"]] })
        }
    }

    /// Two versions of a file that two machines write at once are held by as many.
    @Test func bothVersionsOfACollisionAreHeld() throws {
        try withScratch { scratch in
            let star = try Star(["a", "b", "c", "d"], copies: 3, in: scratch)
            defer { star.end() }
            star.cut(0)
            try write("of a\n", "\(scratch)/a/files/x")
            try write("of b\n", "\(scratch)/b/files/x")
            #expect(try star.settle { try star.files(1) == ["x"] })
            star.connect(0)
            #expect(
                try star.settle {
                    let counts = try star.counts(of: [0, 1, 2, 3])
                    return counts.count == 2 && counts.values.allSatisfy { $0 == 2 || $0 == 3 }
                })
        }
    }
}
