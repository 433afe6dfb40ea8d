import Files
import JSON
import TestSupport
import Testing

/// Turns, seeds, retries and what a metro says for all its stations, through the real runtime.
@Suite struct TurnsTests {
    /// Runs a metro of these lines, in a folder of its own.
    private func run(
        _ text: String, files: [String: String] = [:], _ more: String...,
        check: (Program.Ended, _ folder: String) throws -> Void
    ) throws {
        try withScratch { folder in
            try Folder.make(folder + "/m")
            try File.write("metro: turns\n" + text, to: folder + "/m/metro.yml")
            for (path, text) in files {
                try Folder.make(File.parent(of: "\(folder)/m/\(path)"))
                try File.write(text, to: "\(folder)/m/\(path)")
            }
            try check(try LasCommand(in: folder)(["run", "m"] + more), folder)
        }
    }

    /// Results as `path: text`.
    private func results(_ folder: String) throws -> [String] {
        try EndToEndTests.files(in: folder + "/results").map { "\($0): \(try read("\(folder)/results/\($0)"))" }
    }

    private func read(_ path: String) throws -> String { trimmed(String(decoding: try File.read(path), as: UTF8.self)) }

    /// A station that counts up from 1, one more a turn, and `until` something.
    private func counting(_ until: String, atMost: Int = 9, command: String = "echo $(($(cat {n}) + 1)) > {out}")
        -> String
    {
        // One that does not name {n} is not fed.
        let feed = command.contains("{n}") || until.contains("{n}") ? "feed: n" : "one_by_one: yes"
        return """
            inputs:
              n: { text: "0" }
            lines:
              one:
                - station: count
                  in: n
                  \(feed)
                  until: \(until)
                  at_most: \(atMost)
                  command: |
                    \(command)
                  out: count.txt
            """
    }

    struct Kind: CustomTestStringConvertible {
        let until: String
        let turns: String
        var command = "echo $(($(cat {n}) + 1)) > {out}"
        var testDescription: String { until }
    }

    @Test(arguments: [
        Kind(until: #"{ output_contains: "4" }"#, turns: "4"),
        Kind(
            until: #"{ output_lacks: "b" }"#, turns: "a",
            command: "case {turn} in 1|2) echo ab ;; *) echo a ;; esac > {out}"),
        Kind(
            until: "{ file_exists: done/flag }", turns: "3",
            command: "echo {turn} > {out}; if [ {turn} = 3 ]; then mkdir done; touch done/flag; fi"),
        Kind(until: "unchanged", turns: "2", command: "t={turn}; echo $((t > 1 ? 2 : 1)) > {out}"),
        Kind(until: "{ value_in: count.txt, above: 4.5 }", turns: "5"),
        Kind(until: "{ value_in: count.txt, equals: 2 }", turns: "2"),
        Kind(
            until: "{ value_in: loss.json, below: 0.3 }", turns: "4",
            command: #"t={turn}; echo $t > {out}; echo "{{\"loss\": 0.$((6 - t))}}" > loss.json"#),
        Kind(until: #"{ passes: "test $(cat {out}) -ge {turn} -a {turn} -gt 2 -a -s {n}" }"#, turns: "3"),
        Kind(until: #"[{ output_contains: "2" }, { passes: "true" }]"#, turns: "2"),
        Kind(
            until: "[unchanged, { value_in: count.txt, equals: 3 }]", turns: "3",
            command: "case {turn} in 1|2) echo 1 ;; *) echo 3 ;; esac > {out}"),
    ]) func itEndsWithTheTurnAfterWhichItHolds(_ kind: Kind) throws {
        try run(counting(kind.until, command: kind.command)) { ended, folder in
            #expect(ended.status == 0, "\(ended.errors)")
            let results = try results(folder)
            #expect(results == ["count/count.txt: \(kind.turns)"], "\(ended.errors)")
        }
    }

    @Test func aWholeFolderIsComparedByItsContents() throws {
        try run(
            """
            lines:
              one:
                - station: grow
                  until: unchanged
                  at_most: 5
                  command: |
                    mkdir {out}/deep; ln -s ../a {out}/deep/link; echo same > {out}/a
                    if [ {turn} -lt 3 ]; then echo {turn}; else echo end; fi > {out}/deep/b
                  out: all/
            """
        ) { ended, folder in
            #expect(ended.status == 0, "\(ended.errors)")
            #expect(ended.errors.contains("grow/3 (") && ended.errors.contains(": all was not as in the turn before"))
            let results = try results(folder)
            #expect(results == ["grow/all/a: same", "grow/all/deep/b: end", "grow/all/deep/link: same"])
        }
    }

    @Test(arguments: [
        ("{ value_in: count.txt, below: -1 }", "count was 3, not below -1, after 3 turns"),
        ("{ output_contains: x }", "count.txt did not contain “x”, after 3 turns"),
        ("{ file_exists: done }", "there was no file done, after 3 turns"),
        ("unchanged", "count.txt was not as in the turn before, after 3 turns"),
        (#"{ passes: "test -s nothing" }"#, "“test -s nothing” ended with the exit code 1, after 3 turns"),
    ]) func atMostReachedFailsTheStationWithTheLastValue(_ until: String, _ message: String) throws {
        try run(counting(until, atMost: 3) + "\n    - station: after\n      command: cat {in}\n      out: a.txt\n") {
            ended, folder in
            #expect(ended.status == 1)
            #expect(ended.errors.contains("count/3 failed: \(message)"), "\(ended.errors)")
            #expect(ended.errors.contains("after was not run: count/3 failed"), "\(ended.errors)")
            #expect(!File.exists(folder + "/results/count"))
        }
    }

    @Test(arguments: [
        (
            "{ value_in: count.txt, below: 1 }", "echo loss 1 2 3 > {out}",
            "count.txt holds “loss 1 2 3”, in which no single number stands out"
        ),
        ("{ value_in: count.txt, below: 1 }", "echo nan > {out}", "count.txt holds “nan”"),
        ("{ value_in: count.txt, below: 1 }", "touch {out}", "count.txt is empty"),
        ("{ value_in: loss.txt, below: 1 }", "touch {out}", "there is no loss.txt for “value_in”"),
        ("{ value_in: loss.txt, below: 1 }", "touch {out}; ln -s /etc/passwd loss.txt", "and loss.txt is none"),
        ("unchanged", "true {out}", "it did not make count.txt"),
        (
            "{ passes: no-such-program }", "touch {out}",
            "can't start no-such-program"
        ),
        (
            #"{ passes: "cat nothing || echo so sad >&2; exit 126" }"#, "echo before >&2; touch {out}",
            "of “until” ended with the exit code 126"
        ),
    ]) func whatCantBeToldFailsTheTask(_ until: String, _ command: String, _ message: String) throws {
        try run(counting(until, command: command)) { ended, _ in
            #expect(ended.status == 1)
            #expect(ended.errors.contains("count/1 failed: ") && ended.errors.contains(message), "\(ended.errors)")
            #expect(until.contains("so sad") == ended.errors.contains("so sad"))
            #expect(!ended.errors.contains("before\n"), "\(ended.errors)")
        }
    }

    @Test func itemsLoopEachForItself() throws {
        try run(
            """
            inputs:
              numbers: numbers/*.txt
              limit: { text: "100" }
            lines:
              one:
                - station: double
                  for_each: numbers
                  in: limit
                  feed: each
                  until: { passes: "test $(cat {out}) -gt $(cat {limit})" }
                  at_most: 20
                  command: echo $((2 * $(cat {each})))
                  out: "{name}.txt"
                - station: twice
                  for_each: double
                  repeat: 2
                  command: echo {name} {turn} $(cat {each})
                  out: line.txt
                - station: each-turn
                  for_each: twice
                  command: echo {name}
                  out: "{name}.txt"
                - station: all
                  in: twice/line.txt
                  command: cat {in} | tr '\\n' ,
                  out: all.txt
            results: [double, twice, each-turn, all]
            """, files: ["numbers/three.txt": "3", "numbers/eighty.txt": "80"]
        ) { ended, folder in
            #expect(ended.status == 0, "\(ended.errors)")
            let results = try results(folder)
            #expect(
                results == [
                    "all/all.txt: eighty 1 160,eighty 2 160,three 1 192,three 2 192,",
                    "double/eighty.txt: 160", "double/three.txt: 192",
                    "each-turn/eighty_1.txt: eighty_1", "each-turn/eighty_2.txt: eighty_2",
                    "each-turn/three_1.txt: three_1", "each-turn/three_2.txt: three_2",
                    "twice/eighty/1/line.txt: eighty 1 160", "twice/eighty/2/line.txt: eighty 2 160",
                    "twice/three/1/line.txt: three 1 192", "twice/three/2/line.txt: three 2 192",
                ])
        }
    }

    @Test func seedsAreTheSameInTwoRunsAndRecorded() throws {
        let text = """
            lines:
              one:
                - station: draw
                  repeat: 2
                  seed: yes
                  command: echo {seed}
                  out: seed.txt
            """
        var runs: [[String]] = []
        for _ in 0..<2 {
            try run(text) { ended, folder in
                #expect(ended.status == 0, "\(ended.errors)")
                runs.append(try results(folder))
            }
        }
        #expect(runs[0] == runs[1] && Set(runs[0].map { $0.suffix(6) }).count == 2)
    }

    // MARK: retry

    @Test func aTaskThatFailsIsTriedAgainAndOthersGoOn() throws {
        // The second attempt goes on when the last station has begun: with others that waited for it, neither would.
        let second = try Gate(letting: 1)
        let last = try Gate(letting: .max) { second.open() }
        try run(
            """
            lines:
              one:
                - station: flaky
                  retry: 1
                  network: yes
                  time: 10 minutes
                  command: |
                    echo try >&2
                    \(second.command)
                    exit 3
                  out: a.txt
              two:
                - station: other
                  command: echo fine
                  out: b.txt
                - station: last
                  network: yes
                  command: |
                    \(last.command)
                    cat {in} > {out}
                  out: c.txt
            """, "--cpus", "2"
        ) { ended, folder in
            #expect(ended.status == 1)
            let again = "flaky failed: it ended with the exit code 3; attempt 2 follows in 1.0 s"
            #expect(ended.errors.contains(again), "\(ended.errors)")
            #expect(ended.errors.contains("✗ flaky failed: it ended with the exit code 3"), "\(ended.errors)")
            #expect(second.waits(for: 2) && last.waits(for: 1))
            let results = try results(folder)
            #expect(results == ["last/c.txt: fine"])
        }
    }

    /// The network is the machine's own, and what the first attempt left in its folder is gone.
    @Test(arguments: ["kernel", "extraction"]) func theSecondAttemptMaySucceedAndTheNetworkIsTheMachines(
        _ engine: String
    ) throws {
        let server = try AnsweringServer(["no", "go"])
        try withScratch { folder in
            try Folder.make(folder + "/m")
            try File.write(
                """
                metro: network
                retry: 1
                lines:
                  one:
                    - station: ask
                      network: yes
                      command: |
                        test ! -e left
                        touch left
                        exec 3<>/dev/tcp/127.0.0.1/\(server.port)
                        read answer <&3
                        echo $answer | tee {out}
                        test $answer = go
                      out: answer.txt
                  two:
                    - station: names
                      network: yes
                      command: |
                        cat /etc/resolv.conf > {out}; cat /etc/hosts > {out_2}
                        test -s /etc/passwd -a -s /etc/nsswitch.conf
                        if echo x 2> /dev/null >> /etc/resolv.conf; then exit 9; fi
                      out: [resolv.conf, hosts]
                  three:
                    - station: alone
                      command: |
                        if (exec 3<>/dev/tcp/127.0.0.1/\(server.port)) 2> /dev/null; then exit 1; fi
                        echo alone
                      out: alone.txt
                """, to: folder + "/m/metro.yml")
            let las = LasCommand(in: folder)
            let packed = try las("pack", "m")
            #expect(packed.status == 0, "\(packed.errors)")
            let bundle = Program(
                folder + "/network.las", environment: ["LASH": las.lash, "HOME": folder], folder: folder)
            let ended = try bundle.run("run", "--engine", engine)
            #expect(ended.status == 0, "\(ended.errors)")
            #expect(ended.errors.contains("again    ask: it ended with the exit code 1; attempt 2 follows in 1.0 s"))
            #expect(try read(folder + "/results/alone/alone.txt") == "alone")
            for name in ["hosts", "resolv.conf"] {
                #expect(try read("\(folder)/results/names/\(name)") == read("/etc/\(name)"), "of this machine")
            }
        }
    }

    @Test func whatTheMetroSaysHoldsForItsStations() throws {
        try run(
            """
            time: 1 second
            env: { GREETING: hello, PLACE: here }
            lines:
              one:
                - station: own
                  time: 10 minutes
                  env: { PLACE: there }
                  command: sleep 1.2; echo $GREETING from $PLACE
                  out: a.txt
              two:
                - station: slow
                  command: sleep 100 > {out}
                  out: b.txt
              three:
                - station: plain
                  time: 10 minutes
                  command: echo $GREETING from $PLACE
                  out: c.txt
            """
        ) { ended, folder in
            #expect(ended.status == 1)
            #expect(ended.errors.contains("slow failed: it took longer than the 1 s that it may"), "\(ended.errors)")
            let results = try results(folder)
            #expect(results == ["own/a.txt: hello from there", "plain/c.txt: hello from here"])
        }
    }
}
