import Files
import Foundation
import TestSupport
import Testing

/// Runs in a real Slurm cluster, as a person starts them: they come out as they do here.
@Suite(.serialized, .enabled(if: SlurmCluster.missing == nil, "Slurm's daemons, as root, are needed"))
struct SlurmTests: SlurmSuite {
    static let cluster = start("slurm")

    @Test func parameterSweepComesOutAsItDoesHere() throws {
        let cluster = try Self.cluster.get()
        try withScratch { folder in
            let template = try Template("parameter-sweep", in: folder)
            try template.run()
            let here = try files(template.results)
            var las = template.las
            las.variables = cluster.variables
            let deployed = try las("deploy", "metro", "--slurm", "local", "--results", "there")
            try #require(deployed.status == 0, "\(deployed.errors)")
            #expect(deployed.errors.contains("by Slurm"))
            #expect(try files(folder + "/there") == here)
            #expect(try waits { try isIdle(cluster) })
        }
    }

    @Test func lambdaVariantsFindsTheSameVariants() throws {
        let cluster = try Self.cluster.get()
        let made = try LambdaVariants.made.get()
        try withScratch { folder in
            var las = LasCommand(in: folder)
            las.variables = cluster.variables
            let deployed = try las("deploy", made.bundle, "--slurm", "local", "--results", "there")
            try #require(deployed.status == 0, "\(deployed.errors)")
            let here = try las("run", made.bundle, "--results", "here")
            try #require(here.status == 0, "\(here.errors)")
            let found = try files(folder + "/here").keys.sorted()
            #expect(try files(folder + "/there").keys.sorted() == found)
            for name in found where name.hasSuffix(".vcf") {
                let records = try LambdaVariants.records("\(folder)/there/\(name)")
                #expect(try LambdaVariants.records("\(folder)/here/\(name)") == records)
                #expect(!records.isEmpty)
            }
        }
    }

    /// What nobody knows beforehand: files that a station makes, files that must pass a command, and turns.
    private let growing = """
        metro: growing
        inputs:
          words: { files: "words/*.txt", valid: { passes: "grep -q good {each}" } }
        lines:
          main:
            - station: many
              command: |
                for i in 1 2 3 4 5; do echo $i > {out}/$i.txt; done
              out: parts/
            - station: part
              for_each: many
              command: |
                echo "part $(cat {each})" > {out}
              out: "{name}.part"
            - station: twice
              for_each: part
              command: cat {each} {each} > {out}
              out: "{name}.two"
            - station: all
              in: twice
              command: cat {in} > {out}
              out: all.txt
          words:
            - station: word
              for_each: words
              command: tr a-z A-Z < {each} > {out}
              out: "{name}.up"
            - station: loop
              in: word
              command: cat {in} | wc -l > {out}; echo turn {turn} >> {out}
              out: loop.txt
              until: [{ output_contains: "turn 3" }]
              at_most: 5
        results: [all, word, loop]
        """
    private let words = ["words/a.txt": "good one\n", "words/b.txt": "bad\n", "words/c.txt": "good two\n"]

    @Test func stepsThatBecomeKnownOnTheWayAreSubmittedThen() throws {
        try bench(growing, files: words) { cluster, folder, las in
            let here = try las("run", "m", "--results", "here")
            try #require(here.status == 0, "\(here.errors)")
            let deployed = try las("deploy", "m", "--slurm", "local", "--results", "there")
            try #require(deployed.status == 0, "\(deployed.errors)")
            let right = try files(folder + "/here")
            #expect(try files(folder + "/there") == right)

            // The same by the scripts alone, which nobody looks after.
            try #require(try las("pack", "m").status == 0)
            let script = try las("manifest", "slurm", "growing.las", "--work", "work")
            try #require(script.status == 0, "\(script.errors)")
            let submitted = try Program(
                "sh",
                environment: ["PATH": "/usr/bin:/bin", "HOME": folder, "LASH": las.lash].merging(cluster.variables) {
                    $1
                },
                folder: folder
            ).run([], input: script.output)
            try #require(submitted.status == 0, "\(submitted.errors)")
            #expect(try waits { try isIdle(cluster) })
            // Nobody looks after these jobs, so what they left is all that there is to tell why one went wrong.
            let left = try Program("sh", folder: folder).run(
                "-c", "find work | sort | head -200; tail -n 20 work/slurm/refused work/slurm/logs/* 2>&1; true")
            let results = try files(folder + "/work/results")
            let journal = (try? text(folder + "/work/journal")) ?? ""
            #expect(results == right && journal.contains("runEnded"), "\(submitted.output)\n\(left.output)")
        }
    }

    @Test func scriptsAsFilesSubmitTheSame() throws {
        try bench("metro: one\nlines:\n  l:\n    - station: hello\n      command: echo hello\n      out: hello.txt\n") {
            cluster, folder, las in
            try #require(try las("pack", "m").status == 0)
            let written = try las(
                "manifest", "slurm", "one.las", "--work", folder + "/work", "--bundle", folder + "/one.las", "--output",
                "jobs")
            try #require(written.status == 0, "\(written.errors)")
            #expect(try Folder.names(in: folder + "/jobs") == ["0-hello.sbatch", "submit.sh"])
            let submitted = try Program(
                "sh",
                environment: ["PATH": "/usr/bin:/bin", "HOME": folder, "LASH": las.lash].merging(cluster.variables) {
                    $1
                },
                folder: folder
            ).run("jobs/submit.sh")
            try #require(submitted.status == 0, "\(submitted.errors)")
            #expect(waits { File.exists(folder + "/work/results/hello") })
        }
    }

    /// The login host is reached by ssh, as somebody without any right; that one's jobs run as that one.
    @Test(.enabled(if: SSHServer.missing == nil, "sshd and its tools are needed"))
    func throughALoginHostAsAnOrdinaryUser() throws {
        try bench(slow("id -un > {out}; echo printed >&2; sleep 1"), files: five) { cluster, folder, las in
            let name = "las-slurm-\(getpid())"
            let home = folder + "/home"
            for place in [folder, cluster.folder] { chmod(place, 0o755) }
            func add() throws -> Program.Ended {
                try Program("useradd").run(
                    "--create-home", "--home-dir", home, "--shell", "/bin/sh", "--password", "*", name)
            }
            var made = try add()
            // Another test adds or removes a user just now.
            for _ in 0..<60 where made.status != 0 && made.errors.contains("cannot lock") {
                sleep(1)
                made = try add()
            }
            try #require(made.status == 0, "\(made.errors)")
            defer {
                _ = try? cluster.run("scancel", "--user=" + name)
                _ = try? Program("userdel").run(name)
            }
            try Folder.make(folder + "/server")
            let server = try SSHServer(
                in: folder + "/server", user: name,
                variables: ["PATH": "/usr/bin:/bin", "LASH": home + "/las"].merging(cluster.variables) { $1 })
            try server.setKnownHosts(server.knownHostsLine())
            chmod(folder + "/server", 0o755)
            var las = las
            las.variables = ["LAS_SSH_CONFIG": server.clientConfiguration]
            let added = try las(
                "host", "add", "login", server.address, "--identity", server.userKey(.ed25519), "--host-lash",
                home + "/las")
            try #require(added.status == 0, "\(added.errors)")
            let deployed = try las("deploy", "m", "--slurm", "login", "--results", "there", "--partition", "all")
            try #require(deployed.status == 0, "\(deployed.errors)")
            #expect(deployed.errors.contains("by Slurm on login"))
            #expect(try text(folder + "/there/all/all.txt") == (1...5).map { "\($0)\n" }.joined())
            // Whose job it was: the folder of the run is that one's, and nobody else's.
            let runs = home + "/las/runs"
            let run = try #require(try Folder.names(in: runs).last)
            #expect(try Program("stat").run("-c", "%U", "\(runs)/\(run)/journal").output == name + "\n")

            // A changed script sends the metro's own small part only.
            try File.write(
                try text(folder + "/m/metro.yml").replacingOccurrences(of: "sleep 1", with: "sleep 0.1"),
                to: folder + "/m/metro.yml")
            let again = try las("deploy", "m", "--slurm", "login", "--results", "again")
            try #require(again.status == 0, "\(again.errors)")
            let sent = again.errors.split(separator: "\n").first { $0.contains("shipping to login") } ?? ""
            #expect(sent.contains("1 part,") && sent.contains("it had already"), "\(again.errors)")

            // Left going on, it is looked after from here by its name.
            let detached = try las("deploy", "m", "--slurm", "login", "--fresh", "--detach", "--results", "left")
            let left = try #require(detached.lines.first, "\(detached.errors)")
            #expect(try las("ps", "--all").output.contains("on login"))
            let attached = try las("attach", left)
            #expect(attached.status == 0, "\(attached.errors)")
            #expect(try las("status", left).output.contains("done, 6 of 6 done"))
            #expect(try las("report", left).output.contains("wait/"))
            #expect(try las("logs", left).output.contains("printed"))
            #expect(try las("fetch", left).status == 0)
            #expect(try text(folder + "/left/all/all.txt") == (1...5).map { "\($0)\n" }.joined())
        }
    }

    @Test func twoThousandTasksInArraysThatAreSplit() throws {
        let metro = """
            metro: numbers
            lines:
              l:
                - station: number
                  command: echo {turn} > {out}
                  out: number.txt
                  repeat: 2000
                - station: sum
                  in: number
                  command: cat {in} | paste -sd+ | tr -d '\\n' > {out}
                  out: sum.txt
            results: [sum]
            """
        try bench(metro) { cluster, folder, las in
            let ended = try las("deploy", "m", "--slurm", "local", "--results", "there")
            try #require(ended.status == 0, "\(ended.errors.suffix(2000))")
            #expect(try text(folder + "/there/sum/sum.txt") == (1...2000).map { "\($0)" }.joined(separator: "+"))
        }
    }
}
