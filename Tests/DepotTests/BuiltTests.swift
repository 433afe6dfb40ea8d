import Digests
import Failures
import Files
import Layers
import Metro
import TestSupport
import Testing

@testable import Depot

/// What is built from archives and from commits of git repositories.
@Suite(
    .serialized,
    .enabled(if: RealArchives.isReachable, "the archives of this machine's apt sources can't be reached from here"))
struct BuiltTests {
    static let tools = ["gcc", "libc6-dev", "make"]

    /// The address of the upstream's own archive that Debian built a package from.
    static func address(_ file: String) throws -> String {
        let source = try #require(
            try RealArchives.depot(RealArchives.lash).sources.sources.first { $0.uri.hasPrefix("http") })
        return Address.of("pool/main/" + file, in: source.uri)
    }

    /// A small program in C with a Makefile, as a repository that a server of files can offer.
    static func repository(in folder: String) throws -> (name: String, commit: String) {
        let work = folder + "/work"
        try Folder.make(work)
        try File.write(
            "#include <stdio.h>\nint main(void) { puts(\"counted \" WHAT); return 0; }\n", to: work + "/count.c")
        try File.write(
            "count: count.c\n\tcc -DWHAT='\"words\"' -o $@ $<\ninstall: count\n\tinstall -D -m 4755 count $(DESTDIR)/usr/local/bin/count\n\tinstall -D -m 644 Makefile /usr/local/share/doc/count/Makefile\n",
            to: work + "/Makefile")
        return ("count.git", try publish(work, as: "count.git", in: folder))
    }

    /// The same of a real program with a Makefile: a commit of the files that its authors published.
    static func figlet(in folder: String) throws -> (name: String, commit: String) {
        let archive = Download(
            address: try address("f/figlet/figlet_2.2.5.orig.tar.gz"), path: folder + "/figlet.tar.gz", what: "figlet",
            digest: nil, size: nil)
        try #require(Downloader { _ in }.get([archive]).compactMap { $0 }.isEmpty)
        let unpacked = try Program("tar", folder: folder).run("--no-same-owner", "-xzf", "figlet.tar.gz")
        try #require(unpacked.status == 0, "\(unpacked.errors)")
        let work = try #require(try Folder.names(in: folder).first { $0.hasPrefix("figlet-") })
        return ("figlet.git", try publish("\(folder)/\(work)", as: "figlet.git", in: folder))
    }

    /// Makes a folder's files a repository with one commit, as a server of files can offer it; its tag is `v1.0`.
    private static func publish(_ work: String, as name: String, in folder: String) throws -> String {
        func git(_ arguments: String...) throws -> String {
            let variables = [
                "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "a",
                "GIT_COMMITTER_EMAIL": "a@example.org", "GIT_CONFIG_NOSYSTEM": "1", "HOME": folder,
                "PATH": "/usr/bin:/bin", "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z",
                "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z",
            ]
            let ended = try Program("git", environment: variables, folder: work).run(arguments)
            try #require(ended.status == 0, "\(ended.errors)")
            return ended.lines.last ?? ""
        }
        _ = try git("init", "-q", "-b", "main", ".")
        _ = try git("add", ".")
        _ = try git("commit", "-q", "-m", "begun")
        _ = try git("tag", "-a", "-m", "first", "v1.0")
        let commit = try git("rev-parse", "HEAD")
        _ = try git("clone", "-q", "--bare", ".", "\(folder)/\(name)")
        _ = try git("-C", "\(folder)/\(name)", "update-server-info")
        return commit
    }

    @Test func aProgramWithConfigureAndMakeAndACommitWithAMakefileAreBuilt() async throws {
        try await withScratch("built") { folder in
            let (name, commit) = try Self.repository(in: folder)
            let real = try Self.figlet(in: folder)
            let server = try LoopbackServer(folder: folder)
            let repository = server.address + name
            let hello = BuildNeed(
                .archive(address: try Self.address("h/hello/hello_2.10.orig.tar.gz"), sha256: nil), tools: Self.tools,
                commands: "./configure --disable-nls --quiet\nmake -s\nmake -s install", keep: ["bin"])
            let figlet = BuildNeed(
                .git(repository: server.address + real.name, commit: real.commit), tools: Self.tools,
                commands: "make -s\nmake -s install", keep: ["bin/figlet", "share/figlet"])
            let count = BuildNeed(
                .git(repository: repository, commit: "v1.0"), tools: Self.tools, commands: "make install")
            let depot = try RealArchives.depot(RealArchives.lash)
            let lock = try await depot.lock(["main": Needs(builds: [hello, figlet, count])])
            #expect(try JSONRoundTrip.lock(lock) == lock)
            let environment = try #require(lock.environments["main"])
            let locked = LockedCommit(repository: repository, asked: "v1.0", commit: commit)
            #expect(environment.commits.count == 2 && environment.commits.contains(locked))
            #expect(environment.files.count == 1 && environment.tools.keys.sorted() == ["gcc libc6-dev make"])
            server.end()

            let tree = try await depot.build(environment)
            let said = try RealPackagesTests().run(
                "export PATH; hello; count; ls -R /usr/local/bin /usr/local/share/doc; figlet -f banner H | grep -c '#######'; command -v gcc || echo no gcc",
                in: tree)
            #expect(said.hasPrefix("Hello, world!\ncounted words\n/usr/local/bin:\ncount\nfiglet\nhello\n"), "\(said)")
            #expect(said.contains("doc/count:\nMakefile\n") && said.hasSuffix("\n1\nno gcc\n"), "\(said)")
            #expect(!said.contains("hello.1"), "\(said)")

            // The commit built once more, from what is in the store: the same bytes.
            let layers = tree.layers.suffix(1)
            var digests: [String: Digest] = [:]
            for layer in layers {
                for entry in layer.entries {
                    guard case .file = entry.kind else { continue }
                    #expect(entry.mode & 0o7000 == 0, "no special rights")
                    digests[entry.path.string] = Digest(of: try File.read("\(layer.tree)/\(entry.path)"))
                }
                try Folder.remove(File.parent(of: layer.tree))
            }
            let again = try await depot.build(environment).layers.suffix(1)
            #expect(again.map(\.entries) == layers.map(\.entries))
            for layer in again {
                for entry in layer.entries {
                    guard case .file = entry.kind else { continue }
                    #expect(Digest(of: try File.read("\(layer.tree)/\(entry.path)")) == digests[entry.path.string])
                }
            }
        }
    }

    /// Parts that are other repositories, and parts of those, come in the commits that are named.
    @Test func submodulesComeAlong() async throws {
        try await withScratch("built") { folder in
            let who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always"]
            func git(_ arguments: String..., in work: String) throws {
                let ended = try Program("git", folder: work).run(who + arguments)
                try #require(ended.status == 0, "\(ended.errors)")
            }
            let server = try LoopbackServer(folder: folder)
            defer { server.end() }
            // Each says where the one below it is, as seen from its own address.
            for (name, part) in [("deep", nil), ("middle", "../deep.git"), ("top", server.address + "middle.git")] {
                let work = folder + "/" + name
                try Folder.make(work)
                try File.write("echo \(name)\n", to: work + "/\(name).sh", mode: 0o755)
                try git("init", "-q", "-b", "main", ".", in: work)
                if let part {
                    let below = part == "../deep.git" ? "deep" : "middle"
                    try git("submodule", "-q", "add", folder + "/\(below)", "parts/\(below)", in: work)
                    try git("config", "-f", ".gitmodules", "submodule.parts/\(below).url", part, in: work)
                }
                try git("add", ".", in: work)
                try git("commit", "-q", "-m", "begun", in: work)
                try git("clone", "-q", "--bare", work, "\(folder)/\(name).git", in: folder)
                try git("-C", "\(folder)/\(name).git", "update-server-info", in: folder)
            }
            let depot = try RealArchives.depot(RealArchives.lash)
            let need = BuildNeed(
                .git(repository: server.address + "top.git", commit: "main"),
                commands:
                    "sh parts/middle/parts/deep/deep.sh > /usr/local/said; find . -type f | sort >> /usr/local/said")
            let base = try await RealArchives.environment("base")
            let sources = try depot.sources(of: Needs(builds: [need]))
            let tree = try await depot.build(
                LockedEnvironment(
                    needs: Needs(builds: [need]), archives: base.archives, packages: base.packages,
                    commits: sources.commits))
            let said = try RealPackagesTests().run("cat /usr/local/said", in: tree)
            #expect(
                said
                    == "deep\n./.gitmodules\n./parts/middle/.gitmodules\n./parts/middle/middle.sh\n./parts/middle/parts/deep/deep.sh\n./top.sh\n"
            )
        }
    }

    @Test(arguments: [
        ("../b.git", "https://x.org/me/a.git", "https://x.org/me/b.git"),
        ("../../you/b", "https://x.org/me/a/", "https://x.org/you/b"), ("./b", "git@x.org:a", "git@x.org:a/b"),
        ("../b.git", "git@x.org:a.git", "git@x.org:b.git"), ("https://y.org/b", "https://x.org/a", "https://y.org/b"),
    ])
    func addressesBesideARepositoryAreFollowed(_ asked: String, _ from: String, _ address: String) {
        #expect(GitStore.address(asked, from: from) == address)
    }

    /// A library that is built is found by the loader, one that only building had is told with its package.
    @Test func sharedLibrariesAreFoundOrToldOf() async throws {
        try await withScratch("built") { folder in
            let source = folder + "/tool-1.0"
            try Folder.make(source)
            try File.write("int six(void) { return 6; }\n", to: source + "/six.c")
            try File.write(
                "#include <stdio.h>\n#include <yaml.h>\nint six(void);\nint main(void) { printf(\"%d %s\\n\", six(), yaml_get_version_string()); }\n",
                to: source + "/tool.c")
            _ = try Program("tar", folder: folder).run("-czf", "tool-1.0.tar.gz", "tool-1.0")
            let server = try LoopbackServer(folder: folder)
            defer { server.end() }
            let tool = BuildNeed(
                .archive(address: server.address + "tool-1.0.tar.gz", sha256: nil),
                tools: ["gcc", "libc6-dev", "libyaml-dev"],
                commands: """
                    mkdir -p /usr/local/lib /usr/local/bin
                    gcc -shared -fPIC -Wl,-soname,libsix.so.1 -o /usr/local/lib/libsix.so.1 six.c
                    gcc -o /usr/local/bin/tool tool.c /usr/local/lib/libsix.so.1 -lyaml
                    """)
            let depot = try RealArchives.depot(RealArchives.lash)
            let bare = try await depot.lock(["main": Needs(builds: [tool])])
            let told = try await failure { _ = try await depot.build(try #require(bare.environments["main"])) }
            #expect(
                told.summary
                    == "usr/local/bin/tool needs the shared library libyaml-0.so.2, and nothing brings it")
            #expect(told.fix == "add libyaml-0-2, which has it, to the packages below “debian”")
            #expect(told.exitCode == .usage)

            let whole = try await depot.lock(["main": Needs(debian: ["libyaml-0-2"], builds: [tool])])
            let environment = try #require(whole.environments["main"])
            let tree = try await depot.build(environment)
            #expect(tree.layers.last?.name == "table of shared libraries")
            #expect(try RealPackagesTests().run("export PATH; tool", in: tree).hasPrefix("6 0.2."))
            let contents = try LockContents(of: whole, in: RealArchives.lash)
            #expect(Set(tree.layers.map(\.digest)).isSubset(of: contents.layers.map(\.digest)))
        }
    }

    @Test(arguments: [
        ("libhts.so.3", "libhts3"), ("libyaml-0.so.2", "libyaml-0-2"), ("libstdc++.so.6", "libstdc++6"),
        ("libX11.so.6", "libx11-6"), ("libplugin.so", nil),
    ])
    func aLibrarysPackageIsNamedAsDebianNamesIt(_ library: String, _ package: String?) {
        #expect(SharedLibraries.customaryPackage(of: library) == package)
    }

    /// Where nothing is built, the files go where they are wanted; and mistakes are told in words.
    @Test func filesAreTakenAsTheyAreAndMistakesAreTold() async throws {
        try await withScratch("built") { folder in
            try Folder.make(folder + "/tool-1.0")
            try File.write("#!/bin/sh\necho tool\n", to: folder + "/tool-1.0/tool", mode: 0o755)
            try File.write("read me\n", to: folder + "/tool-1.0/README")
            _ = try Program("tar", folder: folder).run("-czf", "tool-1.0.tar.gz", "tool-1.0")
            let server = try LoopbackServer(folder: folder)
            defer { server.end() }
            let address = server.address + "tool-1.0.tar.gz"
            let depot = try RealArchives.depot(RealArchives.lash)
            let base = try await RealArchives.environment("base")
            func environment(_ build: BuildNeed) throws -> LockedEnvironment {
                let needs = Needs(builds: [build])
                let sources = try depot.sources(of: needs)
                return LockedEnvironment(
                    needs: needs, archives: base.archives, packages: base.packages, files: sources.files,
                    commits: sources.commits)
            }
            func need(_ commands: String? = nil, into: String? = nil, keep: [String] = []) -> BuildNeed {
                BuildNeed(.archive(address: address, sha256: nil), commands: commands, into: into, keep: keep)
            }
            let tree = try await depot.build(try environment(need(into: "bin", keep: ["bin/tool"])))
            let said = try RealPackagesTests().run("export PATH; tool; ls /usr/local/bin", in: tree)
            #expect(said == "tool\ntool\n")
            let copied = try await depot.build(
                try environment(need("cp tool /usr/local/bin/; chmod 4755 /usr/local/bin/tool")))
            #expect(try RealPackagesTests().run("export PATH; tool", in: copied) == "tool\n")

            let wrongs: [(need: BuildNeed, told: String)] = [
                (need(keep: ["lib/*"]), "nothing is lib/*, which is to be kept"), (need("true"), "brought nothing"),
                (need("echo so; false"), "can't be built"),
                (need("exec 3<>/dev/tcp/127.0.0.1/\(server.port)"), "can't be built"),
            ]
            for wrong in wrongs {
                let told = try await failure { _ = try await depot.build(try environment(wrong.need)) }
                #expect(told.summary.contains(wrong.told) && told.exitCode == .usage, "\(told)")
            }
            let digest = try await failure {
                _ = try environment(
                    BuildNeed(.archive(address: address, sha256: String(repeating: "0", count: 64)), into: "bin"))
            }
            #expect(digest.exitCode == .integrity && digest.summary.contains("is not what the metro says"))
            let tag = try await failure {
                let (name, _) = try Self.repository(in: folder)
                _ = try environment(BuildNeed(.git(repository: server.address + name, commit: "v1.1")))
            }
            #expect(tag.fix == "did you mean v1.0?")
        }
    }
}
