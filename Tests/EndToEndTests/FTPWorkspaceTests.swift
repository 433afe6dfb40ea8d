import Files
import Glibc
import TestSupport
import Testing

/// Workspaces that lie on an FTP server, too.
@Suite(
    .serialized,
    .enabled(if: FTPServer.missing == nil && SSHServer.missing == nil, "python3-pyftpdlib and sshd are needed"))
struct FTPWorkspaceTests {
    private func write(_ server: FTPServer, in folder: String, address: String? = nil, secret: Bool = true) throws
        -> String
    {
        for name in ["words", "refs"] { try Folder.make("\(folder)/m/\(name)") }
        try File.write("of the panel\n", to: folder + "/m/refs/ref.txt")
        for number in 1...4 { try File.write("word \(number)\n", to: "\(folder)/m/words/w\(number).txt") }
        let address = address ?? "ftp://\(server.user)@127.0.0.1:\(server.port)/panel"
        let metro = """
            metro: served
            inputs:
              words: words/*.txt
            workspaces:
              panel: { files: refs/*, via: ftp, path: "\(address)"\(secret ? ", secret: FTP_PASSWORD" : "") }
            lines:
              one:
                - station: add
                  for_each: words
                  workspaces: panel
                  command: |
                    sleep 0.5
                    mkdir -p {panel}/found
                    cat {each} {panel}/ref.txt {panel}/theirs > {panel}/found/{name}
                    echo done
                  out: "{name}.txt"
                - station: all
                  in: add
                  workspaces: { panel: read }
                  command: cat {panel}/found/*
                  out: all.txt
            results: [all]
            """
        try File.write(metro, to: folder + "/m/metro.yml")
        return metro
    }

    private func serve(_ folder: String) throws -> FTPServer {
        for name in ["server", "served/panel"] { try Folder.make("\(folder)/\(name)") }
        try File.write("of others\n", to: folder + "/served/panel/theirs")
        return try FTPServer(in: folder + "/server", serving: folder + "/served")
    }

    private let all = (1...4).map { "word \($0)\nof the panel\nof others\n" }.joined()

    private func checkServed(_ folder: String) throws {
        #expect(try Folder.names(in: folder + "/served/panel") == ["found", "ref.txt", "theirs"])
        for number in 1...4 {
            let text = try File.read("\(folder)/served/panel/found/w\(number)")
            #expect(text == Array("word \(number)\nof the panel\nof others\n".utf8))
        }
    }

    @Test func twoHostsAndTheServerHaveTheSameFiles() throws {
        try withScratch { folder in
            let bench = try BareHosts(["vega", "deneb"], in: folder)
            let server = try serve(folder)
            let metro = try write(server, in: folder)
            try File.write(server.password, to: folder + "/password")
            let kept = try bench.las("secret", "set", "FTP_PASSWORD", "--file", folder + "/password")
            try #require(kept.status == 0, "\(kept.errors)")
            let names = bench.hosts.map(\.name)
            try bench.labelByName()
            try File.write(SeveralHostsTests.meeting(metro, names), to: folder + "/m/metro.yml")
            let there = try bench.las(["deploy", "m", "--fresh", "--results", "there"] + bench.all)
            try #require(there.status == 0, "\(there.errors)")
            #expect(try bench.result("all/all.txt", in: "there") == all)
            #expect(try bench.who(did: "add") == Set(names))
            try checkServed(folder)
            let left = try bench.left()
            #expect(left.isEmpty, "\(left)")
        }
    }

    @Test func onThisMachineAndWhatIsWrongIsToldBeforeAnythingRuns() throws {
        try withScratch { folder in
            let las = LasCommand(in: folder, lash: try makeLash(in: folder))
            let server = try serve(folder)
            _ = try write(server, in: folder)
            // No such secret.
            let missing = try las("run", "m", "--fresh")
            #expect(missing.status == 2 && missing.errors.contains("las secret set FTP_PASSWORD"), "\(missing.errors)")
            func give(_ password: String) throws {
                try File.write(password, to: folder + "/password")
                let kept = try las("secret", "set", "FTP_PASSWORD", "--file", folder + "/password")
                try #require(kept.status == 0, "\(kept.errors)")
            }
            try give("something else")
            let wrong = try las("run", "m", "--fresh")
            #expect(
                wrong.status != 0 && wrong.errors.contains("does not let alice in")
                    && wrong.errors.contains("las secret set FTP_PASSWORD"), "\(wrong.errors)")
            #expect(!wrong.errors.contains("something else"))
            #expect(try Folder.names(in: folder + "/served/panel") == ["theirs"])
            try give(server.password)
            let ended = try las("run", "m", "--fresh")
            try #require(ended.status == 0, "\(ended.errors)")
            #expect(try File.read(folder + "/results/all/all.txt") == Array(all.utf8))
            try checkServed(folder)
            // By the person's netrc.
            _ = try write(server, in: folder, secret: false)
            var own = las
            try File.write(
                "machine 127.0.0.1 login \(server.user) password \"\(server.password)\"\n", to: folder + "/netrc",
                mode: 0o600)
            own.variables["NETRC"] = folder + "/netrc"
            let again = try own("run", "m", "--fresh")
            #expect(again.status == 0, "\(again.errors)")
            // A password in the metro is refused, and not repeated.
            _ = try write(server, in: folder, address: "ftp://alice:hunter2@127.0.0.1/panel", secret: false)
            let clear = try las("check", "m")
            #expect(
                clear.status != 0 && clear.errors.contains("a password does not stand in a metro"), "\(clear.errors)")
            // A bundle that runs by itself is led by nobody who can speak with the server.
            _ = try write(server, in: folder)
            let packed = try las("pack", "m", "--output", "served.las")
            try #require(packed.status == 0, "\(packed.errors)")
            let bundle = Program(
                folder + "/served.las", environment: ["HOME": folder, "LASH": las.lash, "FTP_PASSWORD": "x"],
                folder: folder)
            let alone = try bundle.run("run")
            #expect(alone.status != 0 && alone.errors.contains("lies on an FTP server"), "\(alone.errors)")
        }
    }
}
