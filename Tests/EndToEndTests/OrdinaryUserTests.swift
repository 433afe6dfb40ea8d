import Files
import Foundation
import TestSupport
import Testing

/// A user made for the test: no root, no sudo, a home of its own, las installed where everyone may read it.
private struct Account {
    let name: String
    let home: String
    let las: String

    static func with(_ body: (Account) throws -> Void) throws {
        try withScratch { folder in
            let name = "las-test-\(getpid())"
            chmod(folder, 0o755)
            let made = try Program("useradd").run(
                "--create-home", "--home-dir", "\(folder)/home", "--shell", "/bin/sh", name)
            try #require(made.status == 0, "\(made.errors)")
            defer {
                _ = try? Program("pkill").run("-KILL", "-u", name)
                _ = try? Program("userdel").run(name)
            }
            let prefix = folder + "/prefix"
            for (from, to) in [(BuiltPrograms.las, "bin/las"), (BuiltPrograms.runtime, "libexec/las/las-runtime")] {
                try Folder.make(File.parent(of: "\(prefix)/\(to)"))
                try Program("cp").run(from, "\(prefix)/\(to)")
            }
            try Folder.make(prefix + "/share/las")
            try Program("cp").run("-r", BuiltPrograms.templates, prefix + "/share/las/")
            try Program("chmod").run("-R", "a+rX", prefix)
            let account = Account(name: name, home: folder + "/home", las: prefix + "/bin/las")
            // What was fetched before need not be fetched again; everything else this user makes itself.
            try Folder.make(account.home + "/.las")
            try Program("cp").run("-r", BuiltPrograms.lash + "/packages", account.home + "/.las/packages")
            try Program("chown").run("-R", name, account.home)
            try body(account)
        }
    }

    func run(_ words: [String], variables: [String: String] = [:]) throws -> Program.Ended {
        var environment = ["HOME": home, "PATH": "/usr/bin:/bin", "USER": name, "LOGNAME": name]
        environment.merge(variables) { $1 }
        return try Program("setpriv", environment: environment, folder: home).run(
            ["--reuid", name, "--regid", name, "--clear-groups", "--no-new-privs", "--"] + words)
    }

    func callAsFunction(_ words: String..., variables: [String: String] = [:]) throws -> Program.Ended {
        try run([las] + words, variables: variables)
    }
}

@Suite(.enabled(if: geteuid() == 0, "making a user needs root")) struct OrdinaryUserTests {
    @Test func packsRunsAndDeploysWithoutAnyRight() throws {
        let made = try LambdaVariants.made.get()
        try Account.with { las in
            #expect(try las("new", "lambda-variants", "m").status == 0)
            // The same lock, so that the same bytes must come out of it, whoever packs.
            try Program("cp").run(made.metro + "/metro.lock", las.home + "/m/metro.lock")
            let packed = try las("pack", "m")
            #expect(packed.status == 0, "\(packed.errors)")
            #expect(try Program("cmp").run(made.bundle, las.home + "/lambda-variants.las").status == 0)

            let ran = try las.run([las.home + "/lambda-variants.las", "run", "--results", "out"])
            #expect(ran.status == 0, "\(ran.errors)")
            #expect(
                (ran.output + ran.errors).contains("engine: extraction, because this user is not root"),
                "\(ran.output)\(ran.errors)")
            #expect(try LambdaVariants.records(las.home + "/out/merge/all.vcf").count == LambdaVariants.count)

            guard SSHServer.missing == nil else { return }
            try withScratch { folder in
                let host = try BareHost(in: folder)
                let key = las.home + "/key"
                try Program("cp").run(host.server.userKey(.ed25519), key)
                try Program("chown").run(las.name, key)
                // What the client reads, and no more: sshd takes no host key that others may read.
                try Program("chmod").run("a+x", folder, folder + "/server")
                try Program("chmod").run("a+r", host.server.clientConfiguration, host.server.knownHosts)
                let variables = ["LAS_SSH_CONFIG": host.server.clientConfiguration]
                let added = try las(
                    "host", "add", "lab", host.server.address, "--identity", key, "--host-lash", host.lash,
                    variables: variables)
                #expect(added.status == 0, "\(added.errors)")
                let deployed = try las(
                    "deploy", "lambda-variants.las", "--host", "lab", "--results", "far", variables: variables)
                #expect(deployed.status == 0, "\(deployed.errors)")
                #expect(try LambdaVariants.records(las.home + "/far/merge/all.vcf").count == LambdaVariants.count)
            }
        }
    }
}
