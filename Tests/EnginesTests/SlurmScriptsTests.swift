import Engines
import Files
import Metro
import Plan
import TestSupport
import Testing

@Suite struct SlurmScriptsTests {
    private func station(
        _ name: String, forEach: [Taken] = [], takes: [Taken] = [], uses: Resources = Resources(), turns: Turns? = nil
    ) -> PlannedStation {
        PlannedStation(
            id: StationID(name), line: "l", environment: .main, takes: takes, forEach: forEach, command: "true > {out}",
            outputs: ["out"], uses: uses, turns: turns)
    }

    private func plan(_ stations: [PlannedStation], metro: String = "test") -> Plan {
        Plan(
            metro: metro, environments: [PlannedEnvironment(id: .main, needs: Needs())], inputs: [], stations: stations,
            results: [])
    }

    private func submission(_ plan: Plan, _ words: [String: String] = [:]) throws -> SlurmSubmission {
        try SlurmSubmission(
            plan, try SlurmOptions(words),
            .init(program: "/opt/x.las", work: "/work", isBundle: true, isFollowed: false))
    }

    private func text(_ name: String, of submission: SlurmSubmission) -> String {
        submission.files.first { $0.name == name }?.text ?? ""
    }

    @Test func whatAStationUsesIsAskedOfSlurm() throws {
        let uses = Resources(cpus: 4, memory: 2 << 30, gpus: 2, time: 3600)
        let made = try submission(
            plan([station("align", uses: uses)]),
            ["partition": "short", "account": "lab", "qos": "high", "throttle": "10"])
        let job = text("0-align.sbatch", of: made)
        for line in [
            "--job-name=las-align", "--cpus-per-task=4", "--mem=2176M", "--gres=gpu:2", "--time=63",
            "--partition=short",
            "--account=lab", "--qos=high", "--requeue",
        ] { #expect(job.contains("\n#SBATCH \(line)\n"), "\(line): \(job)") }
        #expect(text("submit.sh", of: made).contains("%10"))
        // Turns in one step take their time one after another.
        let turns = try submission(
            plan([station("loop", uses: Resources(time: 60), turns: Turns(count: 10, isOneByOne: true))]))
        #expect(text("0-loop.sbatch", of: turns).contains("#SBATCH --time=17\n"))
        #expect(try submission(plan([station("a")])) == submission(plan([station("a")])))
    }

    @Test func whatFollowsWhat() throws {
        let made = try submission(
            plan([
                station("many", turns: Turns(count: 3)),
                station("each", forEach: [Taken(.station(StationID("many")))]),
                station("all", takes: [Taken(.station(StationID("each")))]),
            ]))
        let script = text("submit.sh", of: made)
        #expect(script.contains("station 0 0-many '' '' ''"))
        #expect(script.contains("station 1 1-each '' '0' ''"))
        #expect(script.contains("station 2 2-all '1' '' ''"))
    }

    /// Names that no metro of ours has, but a bundle from anywhere may.
    static let hostile = [
        "a'; touch OWNED; '", "$(touch OWNED)", "`touch OWNED`", "a\n#SBATCH --partition=evil\ntouch OWNED", "a b",
        "\"; touch OWNED; \"", "-x", "--uid=0", "a\rb", "é名", "%j%x", "\\", "a\u{1B}[2J", "EOF", "LAS_0",
        String(repeating: "x", count: 200),
    ]

    private static let ours = [
        "--job-name=las-", "--nodes=1", "--ntasks=1", "--cpus-per-task=1", "--requeue", "--open-mode=append",
    ]

    @Test(arguments: hostile) func noNameBreaksOutOfItsPlace(_ name: String) throws {
        try withScratch { scratch in
            for metro in ["test", name] {
                let made = try submission(plan([station(name), station("plain")], metro: metro))
                for file in made.files {
                    // Lines for sbatch are ours, each of one word.
                    for line in file.text.split(separator: "\n") where line.hasPrefix("#SBATCH") {
                        let word = line.dropFirst("#SBATCH ".count)
                        #expect(word.utf8.allSatisfy { (0x21...0x7E).contains($0) } && word.hasPrefix("--"), "\(line)")
                        #expect(Self.ours.contains { word.hasPrefix($0) }, "\(line)")
                    }
                    #expect(file.name.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x2F }, "\(file.name)")
                }
                // The job names the station to the program, and nothing else happens.
                // Written by another process: what this one has open for writing, a child of another test may have open
                // too, and then nobody can start it.
                let program = try Program("sh", folder: scratch).run(
                    "-c", "cat > program && chmod 755 program",
                    input: #"#!/bin/sh\#nprintf '%s\0' "$@" > words"#)
                #expect(program.status == 0, "\(program.errors)")
                let job = try #require(made.files.first { $0.name.hasPrefix("0-") })
                try File.write(job.text, to: scratch + "/job")
                let sh = Program("sh", environment: ["PATH": "/usr/bin:/bin"], folder: scratch)
                #expect(try sh.run("job", scratch + "/program", "/work", "7").status == 0)
                let words = String(decoding: try File.read(scratch + "/words"), as: UTF8.self).split(separator: "\0")
                let isLine = name.utf8.allSatisfy { $0 >= 0x20 }
                #expect(
                    words == ["step", "--work", "/work", "--station", isLine ? Substring(name) : "0", "--number", "7"])
                // Both forms of the submission are shell, and write what they are to write.
                try File.write(
                    made.description.replacing("LAS_PROGRAM=$las LAS_WORK=$work exec", with: ": "), to: scratch + "/all"
                )
                let written = try Program(
                    "sh", environment: ["PATH": "/usr/bin:/bin", "LAS_WORK": scratch + "/work"], folder: scratch
                ).run("all")
                #expect(written.status == 0 && written.errors == "", "\(written.errors)")
                for file in made.files {
                    #expect(try File.read("\(scratch)/work/slurm/\(file.name)") == Array(file.text.utf8))
                    #expect(try sh.run("-n", "\(scratch)/work/slurm/\(file.name)").status == 0)
                }
                #expect(!File.exists(scratch + "/OWNED"))
            }
        }
    }

    @Test(arguments: ["a\nb", "a b", "", "-p", "a;b", "$(x)", "a=b", "x'"]) func noOptionEndsItsLine(_ value: String)
        throws
    {
        for name in ["partition", "account", "qos", "constraint", "reservation"] {
            #expect(throws: EngineFailure.self) { try SlurmOptions([name: value]) }
        }
    }

    @Test func pathsThatSlurmWouldReadOtherwiseAreRefused() throws {
        for path in ["/a%j", "/a\\b", "/a\nb"] {
            #expect(throws: EngineFailure.self) {
                try SlurmSubmission(
                    plan([station("a")]), SlurmOptions(),
                    .init(program: path, work: "/w", isBundle: true, isFollowed: false))
            }
        }
    }
}
