import Files
import TestSupport
import Testing

/// Three metros: `main` holds `count` twice, and `count` holds `json`, which needs a package of its own. Each brings a
/// program `tally` that says whose it is.
private let files = [
    "main/metro.yml": """
    metro: main
    inputs:
      texts: texts/*.txt
    lines:
      small:
        - metro: ../count
          as: small
          in: { texts: texts }
      large:
        - station: upper
          for_each: texts
          command: tr a-z A-Z < {each}
          out: "{name}.TXT"
        - metro: ../count/metro.yml
          as: large
          in: { texts: upper }
      end:
        - station: both
          in: [small/total, large/total, large]
          command: tally && cat {in_1} {in_2} && ls {large}
          out: both.txt
    results: [both, small, large/table/line]
    """,
    "main/texts/a.txt": "one\ntwo\n", "main/texts/b c.txt": "three\n", "main/texts/empty.txt": "",
    "main/files/bin/tally": "#!/bin/sh\necho main\n", "main/files/of-main": "",
    "count/metro.yml": """
    metro: counting.words
    inputs:
      texts: { files: none/*, valid: { larger_than: 0 } }
      title: title.txt
    lines:
      one:
        - metro: ../json
          as: table
          in: texts
        - station: total
          in: [table/line, title, texts]
          command: |
            tally
            cat {title} {in_1}
            echo {texts} | wc -w
            ls /.las/files
          out: total.txt
    results: [total, table]
    """,
    "count/title.txt": "lines\n", "count/files/bin/tally": "#!/bin/sh\necho count\n",
    "json/metro.yml": """
    metro: json
    needs: { debian: [jq] }
    inputs:
      lines: none.txt
    lines:
      one:
        - station: line
          for_each: lines
          command: tally > /dev/null; jq -Rc '[., "'"$(tally)"'"]' {each}
          out: "{name}.json"
    """,
    "json/files/bin/tally": "#!/bin/sh\necho json\n",
]

private func make(in folder: String) throws {
    for (path, text) in files {
        try Folder.make(File.parent(of: "\(folder)/\(path)"))
        try File.write(text, to: "\(folder)/\(path)", mode: path.contains("/bin/") ? 0o755 : 0o644)
    }
}

private func check(_ results: String) throws {
    func text(_ path: String) throws -> String {
        String(decoding: try File.read("\(results)/\(path)"), as: UTF8.self)
    }
    #expect(try Folder.names(in: results) == ["both", "large", "left-out.txt", "small"])
    #expect(try Folder.names(in: results + "/small") == ["table", "total"])
    #expect(try Folder.names(in: results + "/large") == ["table"])
    #expect(try text("small/table/line/a.json") == "[\"one\",\"json\"]\n[\"two\",\"json\"]\n")
    #expect(try text("large/table/line/b c.json") == "[\"THREE\",\"json\"]\n")
    // Three words: a path with a space is two. The empty text is not valid for `count`.
    let small = "count\nlines\n[\"one\",\"json\"]\n[\"two\",\"json\"]\n[\"three\",\"json\"]\n3\nbin\n"
    #expect(try text("small/total/total.txt") == small)
    #expect(try text("both/both.txt").hasPrefix("main\n" + small + "count\nlines\n[\"ONE\",\"json\"]\n"))
    #expect(
        try text("left-out.txt").hasPrefix("1 of 3 small/texts was left out:\n  texts/empty.txt is not larger than 0"))
}

@Suite struct NestedMetrosTests {
    @Test func metrosInMetrosRunHere() throws {
        try withScratch { folder in
            try make(in: folder)
            let las = LasCommand(in: folder)
            let plan = try las("plan", "main")
            #expect(plan.status == 0, "\(plan.errors)")
            #expect(plan.output.contains("small/table/line"), "\(plan.output)")
            let run = try las("run", "main")
            #expect(run.status == 0, "\(run.errors)")
            try check(folder + "/results")
            #expect(File.exists(folder + "/main/metro.lock") && !File.exists(folder + "/json/metro.lock"))
            // A metro that stands in another one is a metro of its own, too.
            #expect(try las("check", "count").status == 2)
            try Folder.make(folder + "/json")
            try File.write("x\n", to: folder + "/json/none.txt")
            #expect(try las("check", "json").status == 0)
        }
    }

    @Test func theSameMetrosMakeTheSameBundleAnywhere() throws {
        try withScratch { folder in
            for place in ["one", "two/below"] {
                try Folder.make("\(folder)/\(place)")
                try make(in: "\(folder)/\(place)")
                let packed = try LasCommand(in: folder)(
                    "pack", "\(place)/main", "--output", File.name(of: place) + ".las")
                #expect(packed.status == 0, "\(packed.errors)")
            }
            #expect(try File.read(folder + "/one.las") == File.read(folder + "/below.las"))
        }
    }

    @Test(.enabled(if: SSHServer.missing == nil, "sshd and its tools are needed")) func metrosInMetrosRunOnAHost()
        throws
    {
        try withScratch { folder in
            try make(in: folder)
            let host = try BareHost(in: folder)
            let las = host.las(in: folder, lash: try makeLash(in: folder))
            #expect(try host.add(las).status == 0)
            let deployed = try las("deploy", "main", "--host", "lab")
            #expect(deployed.status == 0, "\(deployed.errors)")
            try check(folder + "/results")
        }
    }

    @Test func whereAStationFailedIsTold() throws {
        try withScratch { folder in
            try make(in: folder)
            try File.write("#!/bin/sh\nexit 7\n", to: folder + "/json/files/bin/tally", mode: 0o755)
            let run = try LasCommand(in: folder)("run", "main", "--results", "out")
            #expect(run.status == 1)
            #expect(run.errors.contains("small/table/line/a failed: it ended with the exit code 7"), "\(run.errors)")
            #expect(run.errors.contains("- small/total was not run: small/table/line/"), "\(run.errors)")
        }
    }
}
