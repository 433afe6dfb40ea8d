import Files
import Foundation
import JSON
import Parts
import Plan
import TestSupport
import Testing

/// A bundle, put together by hand from the runtime that was built and images, and started as users start it.
@Suite struct BundleRunTests {
    static let callers: [Bool] = OrdinaryUser.isRootHere ? [false, true] : [true]

    func bundle(_ plan: Plan, runtime: String = HostClient.runtime, in scratch: String) throws -> String {
        try TestImages.metro(plan, to: scratch + "/metro.squashfs")
        let files: [(Part.Kind, String, String)] = [
            (.runtime, "", runtime), (.environment, "main", TestImages.environment),
            (.metro, "test", scratch + "/metro.squashfs"),
        ]
        let index = try BundleIndex(laying: files.map { try TestImages.part($0.0, $0.1, $0.2) })
        var bytes: [UInt8] = []
        for (placed, file) in zip(index.parts, files) {
            bytes += [UInt8](repeating: 0, count: Int(placed.offset) - bytes.count)
            bytes += try File.read(file.2)
        }
        bytes += [UInt8](repeating: 0, count: Int(index.offset) - bytes.count)
        let path = scratch + "/test.las"
        try write(bytes + index.tail(), to: path)
        return path
    }

    /// A program, which can be started when this returns: a child that another test is just starting may hold it open for
    /// writing until its exec.
    private func write(_ bytes: [UInt8], to path: String) throws {
        try File.write(bytes, to: path, mode: 0o755)
        let file = open(path, O_RDONLY | O_CLOEXEC)
        try #require(file >= 0)
        defer {
            _ = fcntl(file, 1024, F_UNLCK)
            close(file)
        }
        for _ in 0..<60_000 {
            // A lease on reading (F_SETLEASE) is given only where nobody writes.
            if fcntl(file, 1024, F_RDLCK) == 0 || errno != EAGAIN { break }
            usleep(2000)
        }
    }

    func start(_ bundle: String, _ arguments: String..., in scratch: String, asOrdinaryUser: Bool = false) throws
        -> Program.Ended
    {
        let program = Program(
            bundle, environment: ["HOME": scratch + "/home", "PATH": "/nonexistent"], folder: scratch)
        if !asOrdinaryUser { return try program.run(arguments) }
        OrdinaryUser.give(scratch)
        return try OrdinaryUser.run { try program.run(arguments) }
    }

    let fine = plan([
        station("hello", "cat {word} > {out}", takes: [Taken(.input("word"))]),
        station("parts", "echo 1 > {out}/1; cp /bin/cat {out}/cat", out: ["f/"]),
    ])

    @Test(arguments: callers) func aBundleRunsByItself(_ isOrdinary: Bool) throws {
        try withScratch { scratch in
            let path = try bundle(fine, in: scratch)
            let ended = try start(path, "run", "--results", "out", in: scratch, asOrdinaryUser: isOrdinary)
            #expect(ended.status == 0, "\(ended.errors)")
            #expect(ended.errors.contains("checking "))
            #expect(ended.errors.contains("done     hello"))
            #expect(ended.errors.contains("3 results in out"))
            #expect(try File.read(scratch + "/out/hello/out.txt") == Array("hello\n".utf8))
            #expect(File.status(scratch + "/out/parts/f/cat")?.mode == 0o755)
            #expect(try Folder.names(in: scratch + "/out") == ["hello", "parts"])
            // Again, into the same place, as a program reads it.
            let again = try start(path, "run", "--results=out", "--json", in: scratch, asOrdinaryUser: isOrdinary)
            #expect(again.status == 0, "\(again.errors)")
            let kinds = try again.lines.map { try JSONText.parse($0)["kind"]?.string }
            #expect(kinds.first == "runStarted" && kinds.last == "runEnded")
        }
    }

    @Test func aFailedStationKeepsTheRunAndTellsWhere() throws {
        try withScratch { scratch in
            let given = plan([station("bad", "echo oh >&2; exit 3; : {out}"), station("good", "echo x")])
            let ended = try start(try bundle(given, in: scratch), "run", in: scratch)
            #expect(ended.status == 1)
            #expect(ended.errors.contains("failed   bad: it ended with the exit code 3\n    | oh\n"), "\(ended.errors)")
            #expect(ended.errors.contains("what it printed is in \(scratch)/home/.las/runs/"))
            #expect(try Folder.names(in: scratch + "/results") == ["good"])
        }
    }

    @Test func aDamagedBundleDoesNotRun() throws {
        try withScratch { scratch in
            let path = try bundle(fine, in: scratch)
            let whole = try File.read(path)
            let middle = try BundleFile.open(path).parts[1].offset + 5000
            var flipped = whole
            flipped[Int(middle)] ^= 1
            try write(flipped, to: path)
            let ended = try start(path, "run", in: scratch)
            #expect(ended.status == 5)
            #expect(ended.errors.contains("error: "))
            try write(Array(whole.dropLast(100)), to: path)
            #expect(try start(path, "inspect", in: scratch).status == 5)
            #expect(!File.exists(scratch + "/results"))
        }
    }

    @Test func itSaysWhatItHolds() throws {
        try withScratch { scratch in
            let path = try bundle(fine, in: scratch)
            let text = try start(path, "inspect", in: scratch)
            #expect(text.output.contains("the environment “main”"))
            let json = try JSONText.parse(try start(path, "inspect", "--json", in: scratch).output)
            #expect(json["parts"]?.array?.compactMap { $0["kind"]?.string } == ["runtime", "environment", "metro"])
            let doctor = try JSONText.parse(try start(path, "doctor", "--json", in: scratch).output)
            #expect(doctor["cpus"]?.integer ?? 0 > 0)
        }
    }

    @Test func mistakesOnTheCommandLineAreTold() throws {
        try withScratch { scratch in
            let path = try bundle(fine, in: scratch)
            for (arguments, text) in [
                (["rnu"], "did you mean run?"), (["run", "--result", "x"], "did you mean --results?"),
                (["run", "--cpus", "none"], "--cpus takes a number"),
                (["run", "--engine", "magic"], "no engine “magic”"),
                ([], "what shall it do?"),
            ] {
                let ended = try Program(path, environment: ["HOME": scratch], folder: scratch).run(arguments)
                #expect(ended.status == 2)
                #expect(ended.errors.contains(text), "\(ended.errors)")
            }
            try File.write("", to: scratch + "/file")
            let ended = try Program(path, environment: ["LASH": scratch + "/file/x"], folder: scratch).run("run")
            #expect(ended.status == 2)
            #expect(ended.errors.contains("name a folder of your own: --lash DIR"))
        }
    }

    @Test func controlCEndsItKindly() throws {
        try withScratch { scratch in
            let seconds = "95.\(Int.random(in: 100_000...999_999))"
            let path = try bundle(plan([station("long", "sleep \(seconds); : {out}")]), in: scratch)
            let process = Process()
            process.executableURL = URL(fileURLWithPath: path)
            process.arguments = ["run"]
            process.environment = ["HOME": scratch]
            process.currentDirectoryURL = URL(fileURLWithPath: scratch)
            process.standardError = FileHandle(forWritingAtPath: "/dev/null")
            try process.run()
            while !isRunning(seconds), process.isRunning { usleep(1000) }
            process.interrupt()
            process.waitUntilExit()
            #expect(process.terminationStatus == 1)
            #expect(!isRunning(seconds))
        }
    }
}
