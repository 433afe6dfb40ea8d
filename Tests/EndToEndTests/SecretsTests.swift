import Files
import Foundation
import TestSupport
import Testing

/// Secrets from the person to the command, as a user keeps them.
@Suite struct SecretsTests {
    private let token = "tomato-4711-tomato"

    private func metro(in folder: String) throws {
        try Folder.make(folder + "/m")
        try File.write(
            """
            metro: upload
            lines:
              main:
                - station: count
                  command: echo ${#TOKEN} > {out}; echo "using $TOKEN" >&2; sleep 0.5
                  out: length.txt
                  secrets: [TOKEN]
            """, to: folder + "/m/metro.yml")
    }

    @Test func keptOnceAndGivenToTheStationThatNamesIt() throws {
        try withScratch { folder in
            let las = LasCommand(in: folder, lash: try makeLash(in: folder))
            try metro(in: folder)
            let missing = try las("run", "m")
            #expect(missing.status == 2)
            #expect(missing.errors.contains("there is no secret “TOKEN” here"), "\(missing)")
            #expect(missing.errors.contains("las secret set TOKEN"))
            try File.write(token + "\n", to: folder + "/token.txt")
            #expect(try las("secret", "set", "TOKEN", "--file", "token.txt").status == 0)
            File.remove(folder + "/token.txt")
            #expect(try las("secret", "list").output == "TOKEN\n")
            let ran = try las("run", "m")
            #expect(ran.status == 0, "\(ran)")
            #expect(try File.read(folder + "/results/count/length.txt") == Array("\(token.utf8.count)\n".utf8))
            // By itself, a bundle takes it from its environment.
            #expect(try las("pack", "m", "--output", "m.las").status == 0)
            #expect(try las("run", "m.las", "--fresh").status == 0)
            var bundle = Program(folder + "/m.las", folder: folder)
            let without = try bundle.run("run", "--fresh", "--lash", folder + "/other")
            #expect(without.status == 2 && without.errors.contains("needs the secret TOKEN"), "\(without)")
            bundle.environment["TOKEN"] = token
            #expect(try bundle.run("run", "--fresh", "--lash", folder + "/other").status == 0)
            let found = try Program("grep").run("-r", "-l", "-a", token, folder)
            #expect(found.output.isEmpty, "\(found.output)")
            #expect(try las("secret", "remove", "TOKEN").status == 0)
            #expect(try las("run", "m", "--fresh").status == 2)
        }
    }

    @Test(.enabled(if: SSHServer.missing == nil, "sshd and its tools are needed"))
    func aHostKeepsNothingOfIt() throws {
        try withScratch { folder in
            let host = try BareHost(in: folder)
            let las = host.las(in: folder, lash: try makeLash(in: folder))
            try metro(in: folder)
            try host.add(las)
            try File.write(token, to: folder + "/token.txt")
            try las("secret", "set", "TOKEN", "--file", "token.txt")
            File.remove(folder + "/token.txt")
            let ran = try las("deploy", "m", "--host", "lab")
            #expect(ran.status == 0, "\(ran)")
            #expect(try File.read(folder + "/results/count/length.txt") == Array("\(token.utf8.count)\n".utf8))
            let found = try Program("grep").run("-r", "-l", "-a", token, folder)
            #expect(found.output.isEmpty, "\(found.output)")
        }
    }
}
