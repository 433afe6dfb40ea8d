import Files
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// Nothing that stands in the place of a metro, however broken or large, crashes `las check`, keeps it busy for long, or takes
/// more than 200 MB: it is refused with an explanation.
@Suite(.serialized) struct HostileMetrosTests {
    private static let mostMemory: Int64 = 200 << 20
    /// Seconds of a processor, so that they are the same on a busy machine. A sane one takes a tenth of that.
    private static let mostWork = "120"
    /// Seconds by the clock, for what would wait without an end.
    private static let longest = "900"

    /// Runs what follows its first two arguments, ended after so many seconds of a processor as the second says, and writes its
    /// most memory at once, in KiB, to the file that the first names. It has to stand in between: what the system tells of a
    /// program counts the memory of the one that started it, and ours is large.
    private static let measuring = """
        import resource, subprocess, sys
        resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[2]), int(sys.argv[2]) + 5))
        code = subprocess.call(sys.argv[3:])
        open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
        sys.exit(code)
        """

    /// - Returns: how it ended, and the most memory that it held at once, in bytes.
    private func check(_ path: String, in folder: String) throws -> (ended: Program.Ended, memory: Int64) {
        let las = LasCommand(in: folder)
        let ended = try Program(
            "python3", environment: ["PATH": "/usr/bin:/bin", "HOME": folder, "LASH": las.lash], folder: folder
        ).run(
            "-c", Self.measuring, folder + "/memory", Self.mostWork, "timeout", "-k", "5", Self.longest,
            BuiltPrograms.las, "check", path)
        let told = String(decoding: try File.read(folder + "/memory"), as: UTF8.self)
        return (ended, (Int64(told) ?? .max / 1024) * 1024)
    }

    private func refused(_ path: String, in folder: String, because reason: String, _ name: String = "") throws {
        let (ended, memory) = try check(path, in: folder)
        #expect(ended.status == 2, "\(name): ended with \(ended.status), and \(ended.errors.prefix(500))")
        #expect(ended.errors.contains(reason), "\(name): \(ended.errors.prefix(2000))")
        #expect(ended.errors.contains("fix:"), "\(name): \(ended.errors.prefix(2000))")
        #expect(memory <= Self.mostMemory, "\(name): \(memory >> 20) MB")
        #expect(ended.errors.utf8.count < 2 << 20, "\(name): \(ended.errors.utf8.count) bytes are told")
    }

    /// What stands in the file, and a piece of what las says.
    struct Hostile: Sendable, CustomStringConvertible {
        let name: String
        let reason: String
        let bytes: @Sendable () -> [UInt8]

        init(_ name: String, _ reason: String, _ bytes: @escaping @Sendable () -> [UInt8]) {
            (self.name, self.reason, self.bytes) = (name, reason, bytes)
        }

        var description: String { name }
    }

    private static func lots(_ text: String, _ count: Int, after start: String = "", then end: String = "") -> [UInt8] {
        Array((start + String(repeating: text, count: count) + end).utf8)
    }

    private static func numbered(
        _ count: Int, after start: String = "", then end: String = "", _ line: (Int) -> String
    ) -> [UInt8] {
        var bytes = Array(start.utf8)
        for number in 0..<count { bytes += Array(line(number).utf8) }
        return bytes + Array(end.utf8)
    }

    private static func random(_ count: Int, seed: UInt64) -> [UInt8] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
    }

    private static let lines = "metro: m\nlines:\n  main:\n"
    private static let end = "lines:\n  main:\n    - { station: s, command: date, out: o }\n"

    static let files: [Hostile] = [
        Hostile("10 MB of [", "nested too deeply") { lots("[", 10 << 20) },
        Hostile("16 MB of {", "nested too deeply") { lots("{", 16 << 20) },
        Hostile("8 million dashes", "nested too deeply") { lots("- ", 8_000_000) },
        Hostile("5 million question marks", "nested too deeply") { lots("? ", 5_000_000) },
        Hostile("one line of 16 MB", "can't be the name of a metro") {
            lots("a", (16 << 20) - 10, after: "metro: ")
        },
        Hostile("a line of 16 MB of words", "can't be the name of a metro") {
            lots("ab ", 5_000_000, after: "metro: ")
        },
        Hostile("5 million folded lines", "can't be the name of a metro") {
            lots("\n  b", 4_000_000, after: "metro: a")
        },
        Hostile("a text of 5 million lines", "does not fit") {
            lots("  b\n", 4_000_000, after: "metro: |\n", then: " c\n")
        },
        Hostile("an open quote of 16 MB", "never closed") { lots("a\n  ", 4_000_000, after: "metro: \"") },
        Hostile("empty lines", "the file is empty") { lots("\n", 16 << 20) },
        Hostile("comments", "the file is empty") { lots("#\n", 8_000_000) },
        Hostile("a million keys", "more than 250000 keys") { numbered(1_000_000) { "k\($0): v\n" } },
        Hostile("the same key a million times", "more than 250000 keys") { lots("a: v\n", 1_000_000) },
        Hostile("120,000 wrong keys", "no key of a metro") {
            numbered(120_000, after: "metro: m\n") { "key\($0): v\n" }
        },
        Hostile("a million inputs", "more than 250000 keys") {
            numbered(900_000, after: "metro: m\ninputs:\n") { "  k\($0): v\n" }
        },
        Hostile("120,000 inputs", "120000 inputs") {
            numbered(120_000, after: "metro: m\ninputs:\n", then: end) { "  k\($0): v\n" }
        },
        Hostile("a list of a million", "more than 250000 keys") {
            lots("    - a\n", 1_000_000, after: "metro: m\ninputs:\n  a:\n")
        },
        Hostile("a list of 240,000 paths", "there is no “a0”") {
            numbered(240_000, after: "metro: m\ninputs:\n  a:\n", then: end) { "    - a\($0)\n" }
        },
        Hostile("200,000 stations", "more than 250000 keys") {
            numbered(200_000, after: lines) { "    - station: s\($0)\n      command: date\n      out: a\n" }
        },
        Hostile("30,000 stations", "30000 stations") {
            numbered(30_000, after: lines) { "    - station: s\($0)\n      command: date\n      out: a\n" }
        },
        Hostile("20,000 stations with four mistakes each", "… and ") {
            numbered(20_000, after: lines) {
                "    - station: s\($0)\n      in: t\($0)\n      comand: cat\n      outt: ../a\n"
            }
        },
        Hostile("200,000 outputs", "200000 outputs") {
            numbered(200_000, after: lines + "    - station: s\n      command: date\n      out:\n") {
                "        - o\($0)\n"
            }
        },
        Hostile("a command of 16 MB", "a command has at most") {
            lots("{in} ", 3_000_000, after: lines + "    - station: s\n      out: o\n      command: cat ")
        },
        Hostile("a million placeholders", "no placeholder") {
            lots("{inn}", 190_000, after: lines + "    - station: s\n      out: o\n      command: cat ")
        },
        Hostile("quotes within quotes", "stand too deep") {
            lots("\"$(${x:-", 100_000, after: lines + "    - station: s\n      out: o\n      command: |\n        ")
        },
        Hostile("backticks and quotes", "a backtick in quotes ends the backticks around it") {
            lots("`'\"", 300_000, after: lines + "    - station: s\n      out: o\n      command: |\n        ")
        },
        Hostile("a billion laughs", "a reference, which a metro has no use for") {
            numbered(20, after: "metro: m\na: &a0 [x, x, x, x, x, x, x, x, x]\n") { number in
                let list = Array(repeating: "*a\(number)", count: 9).joined(separator: ", ")
                return "b\(number): &a\(number + 1) [\(list)]\n"
            }
        },
        Hostile("a million references", "an anchor, which") { lots("*a, ", 1_000_000, after: "a: &a x\nb: [") },
        Hostile("deep references", "nested too deeply") { lots("&a [*a, ", 500_000) },
        Hostile("a million anchors", "an anchor, which") { numbered(1_000_000) { "- &a\($0) x\n" } },
        Hostile("a million tags", "a tag, which") { lots("- !!a x\n", 1_000_000) },
        Hostile("all turns of all turns", "a million is the most") {
            numbered(3, after: lines + "    - { station: s, repeat: 100000, command: date, out: o }\n") {
                "    - { station: t\($0), for_each: \($0 == 0 ? "s" : "t\($0 - 1)"), repeat: 100000, command: \"date\", out: o }\n"
            }
        },
        Hostile("16 MB of NUL", "NUL byte") { [UInt8](repeating: 0, count: 16 << 20) },
        Hostile("random bytes", "error:") { random(1 << 20, seed: 1) },
        Hostile("random bytes without NUL", "not UTF-8") { random(1 << 20, seed: 2).map { max(1, $0) } },
        Hostile("random letters", "error:") {
            let letters = Array(" \n:-[]{}\"'|>&*!#ab".utf8)
            return random(1 << 20, seed: 3).map { letters[Int($0) % letters.count] }
        },
        Hostile("UTF-16", "UTF-16") {
            [0xFF, 0xFE] + "metro: m\n".utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        },
        Hostile("UTF-16 without its mark", "UTF-16") {
            "metro: m\n".utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
        },
        Hostile("UTF-32", "UTF-32") {
            "\u{FEFF}metro: m\n".unicodeScalars.flatMap { [UInt8($0.value & 0xFF), UInt8($0.value >> 8), 0, 0] }
        },
        Hostile("Latin-1", "not UTF-8") { Array("metro: caf".utf8) + [0xE9, 0x0A] },
        Hostile("17 MB", "a metro has at most") { lots("#", 17 << 20) },
        Hostile("nothing", "the file is empty") { [] },
    ]

    @Test(arguments: files) func aFileIsRefused(_ hostile: Hostile) throws {
        try withScratch { folder in
            try File.write(hostile.bytes(), to: folder + "/metro.yml")
            try refused("metro.yml", in: folder, because: hostile.reason, hostile.name)
        }
    }

    @Test func whatIsNoFile() throws {
        try withScratch { folder in
            try Folder.make(folder + "/m/folder/metro.yml")
            try refused("m/folder", in: folder, because: "this is a folder")
            for (name, target, reason) in [
                ("zero", "/dev/zero", "no file, but a pipe or a device"), ("null", "/dev/null", "the file is empty"),
                ("random", "/dev/urandom", "no file, but a pipe or a device"), ("gone", "nowhere", "is no metro.yml"),
                ("loop", "metro.yml", "is no metro.yml"), ("memory", "/proc/self/mem", "can't read"),
            ] {
                try Folder.make("\(folder)/m/\(name)")
                symlink(target, "\(folder)/m/\(name)/metro.yml")
                try refused("m/\(name)", in: folder, because: reason, name)
            }
            try Folder.make(folder + "/m/pipe")
            mkfifo(folder + "/m/pipe/metro.yml", 0o644)
            try refused("m/pipe", in: folder, because: "no file, but a pipe or a device")
        }
    }

    @Test func whatMayNotBeRead() throws {
        try withScratch { folder in
            OrdinaryUser.give(folder)
            try OrdinaryUser.run {
                try File.write("metro: m\n", to: folder + "/metro.yml", mode: 0o200)
                try self.refused("metro.yml", in: folder, because: "Permission denied")
            }
        }
    }

    @Test func metrosTenThousandDeep() throws {
        try withScratch { folder in
            for number in 0..<10_000 {
                let text = "metro: m\(number)\nlines: { main: [{ metro: m\(number + 1).yml }] }\n"
                try File.writeAll(text, to: "\(folder)/m\(number).yml")
            }
            try refused("m0.yml", in: folder, because: "more than 64 levels")
        }
    }

    @Test func aMetroThatIncludesItselfByLinks() throws {
        try withScratch { folder in
            try File.write(
                "metro: m\nlines: { main: [{ metro: a/b/a/b/metro.yml, as: x }] }\n", to: folder + "/metro.yml")
            try Folder.make(folder + "/a")
            symlink("..", folder + "/a/b")
            try refused("metro.yml", in: folder, because: "can't stand in itself")
            // The same file by another name is another metro, and each of them has the next in it.
            link(folder + "/metro.yml", folder + "/other.yml")
            try File.writeAll("metro: m\nlines: { main: [{ metro: other.yml, as: x }] }\n", to: folder + "/metro.yml")
            try refused("metro.yml", in: folder, because: "can't stand in itself")
            var names = 0
            for number in 1..<100 where link(folder + "/many0.yml", "\(folder)/many\(number).yml") == 0 {
                names += number
            }
            #expect(names == 0)
        }
    }

    @Test func manyMetrosThatUseEachOther() throws {
        try withScratch { folder in
            // Each of a hundred names has all hundred in it.
            let all = (0..<100).map { "    - { metro: m\($0).yml, as: x\($0) }\n" }.joined()
            try File.write("metro: m\nlines:\n  main:\n" + all, to: folder + "/m0.yml")
            for number in 1..<100 { link(folder + "/m0.yml", "\(folder)/m\(number).yml") }
            try refused("m0.yml", in: folder, because: "stand in each other")
            // Twice at each of forty levels: a million times a million.
            for number in 0..<40 {
                let next = "metro: twice\(number + 1).yml"
                try File.writeAll(
                    "metro: m\(number)\nlines: { main: [{ \(next), as: a }, { \(next), as: b }] }\n",
                    to: "\(folder)/twice\(number).yml")
            }
            try File.write(
                "metro: e\nlines: { main: [{ station: s, command: date, out: o }] }\n", to: folder + "/twice40.yml")
            try refused("twice0.yml", in: folder, because: "more than 20000 stations")
            // Large files, each with the next in it.
            for number in 0..<10 {
                let stations = (0..<5000).map { "    - { station: s\($0), command: date, out: o }\n" }.joined()
                try File.writeAll(
                    "metro: m\(number)\nlines:\n  main:\n    - metro: large\(number + 1).yml\n\(stations)",
                    to: "\(folder)/large\(number).yml")
            }
            try File.write(
                "metro: e\nlines: { main: [{ station: s, command: date, out: o }] }\n", to: folder + "/large10.yml")
            try refused("large0.yml", in: folder, because: "metro")
        }
    }

    /// What is just allowed is taken, within the same bounds.
    @Test func theLargestMetros() throws {
        try withScratch { folder in
            let stations = (0..<1000).map { "    - { station: s\($0), command: date, out: o }\n" }.joined()
            try File.write(Self.lines + stations, to: folder + "/inner.yml")
            for number in 1..<5 {
                try File.write(
                    "metro: middle\nlines:\n  main:\n"
                        + (0..<2).map {
                            "    - { metro: \(number == 1 ? "inner" : "middle\(number - 1)").yml, as: \(String(repeating: "x", count: 90))\($0) }\n"
                        }.joined(),
                    to: "\(folder)/middle\(number).yml")
            }
            let (ended, memory) = try check("middle4.yml", in: folder)
            #expect(ended.status == 0, "\(ended.errors.prefix(1000))")
            #expect(ended.output.contains("16000 stations"))
            #expect(memory <= Self.mostMemory, "\(memory >> 20) MB")
        }
    }
}

extension File {
    /// Without waiting for the disk: for thousands of small files.
    fileprivate static func writeAll(_ text: String, to path: String) throws {
        let descriptor = try open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, action: "write")
        defer { close(descriptor) }
        try writeAll(Array(text.utf8), to: descriptor, path: path)
    }
}
