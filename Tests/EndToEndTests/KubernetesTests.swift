import Files
import Glibc
import TestSupport
import Testing

/// What `las manifest kubernetes` writes, started as a cluster would start it.
@Suite(.enabled(if: BuiltPrograms.areThere && geteuid() == 0 && Pod.missing == nil, "needs las, root, runc and umoci"))
struct KubernetesTests {
    static let image = "registry.example/metro@sha256:" + String(repeating: "0123456789abcdef", count: 4)

    private func layout(_ template: Template) throws -> String {
        let packed = try template.las("pack", "metro", "--format", "oci", "--output", "image")
        try #require(packed.status == 0, "\(packed.errors)")
        return template.folder + "/image"
    }

    /// A volume that everyone may write to.
    private func volume(_ path: String) throws -> String {
        try Folder.make(path)
        #expect(chmod(path, 0o2777) == 0)
        return path
    }

    @Test func aWholeMetroRunsInAPodThatMayDoNothing() throws {
        try withScratch { folder in
            let template = try Template("lambda-variants", in: folder)
            try template.run()
            let layout = try layout(template)
            let written = try template.las("manifest", "kubernetes", "metro", "--image", Self.image, "--single")
            try #require(written.status == 0, "\(written.errors)")
            try File.write(written.output, to: folder + "/job.yaml")
            let pod = try Pod(
                layout, manifest: folder + "/job.yaml", job: "lambda-variants", in: folder + "/pod")
            let work = try volume(folder + "/volume")
            let ended = try pod.run(work: work)
            #expect(ended.status == 0, "\(ended.output)\(ended.errors)")
            let compared = try Program("diff").run("-r", template.results, work + "/results")
            #expect(compared.status == 0, "\(compared.output)")

            // The same pod once more, as after a node went away: nothing is run again.
            let again = try pod.run(work: work)
            #expect(again.status == 0 && again.errors.contains("has ended well already"), "\(again.errors)")
        }
    }

    @Test func aPodGoesOnWhereTheOneBeforeWasKilled() throws {
        try withScratch { folder in
            try Folder.make(folder + "/metro")
            try File.write(
                """
                metro: slow
                lines:
                  one:
                    - { station: first, command: "date +%N", out: first }
                    - { station: second, command: "test -e /tmp/again || exit 7; cat {in}", out: second }
                results: [first, second]

                """, to: folder + "/metro/metro.yml")
            let las = LasCommand(in: folder)
            let packed = try las("pack", "metro", "--format", "oci", "--output", "image")
            try #require(packed.status == 0, "\(packed.errors)")
            let written = try las("manifest", "kubernetes", "metro", "--image", Self.image, "--single", "--name", "one")
            try #require(written.status == 0, "\(written.errors)")
            try File.write(written.output, to: folder + "/job.yaml")
            let pod = try Pod(folder + "/image", manifest: folder + "/job.yaml", job: "one", in: folder + "/pod")
            let work = try volume(folder + "/volume")
            let failed = try pod.run(work: work)
            #expect(failed.status == 1, "\(failed.output)\(failed.errors)")
            let first = try File.read(work + "/results/first/first")
            try File.write([], to: folder + "/pod/tmp/again")
            let ended = try pod.run(work: work)
            #expect(ended.status == 0, "\(ended.output)\(ended.errors)")
            #expect(try File.read(work + "/results/second/second") == first)
        }
    }

    @Test func whatIsNotSaidRightIsToldBeforeAnythingIsWritten() throws {
        try withScratch { folder in
            let las = try Template("hello", in: folder).las
            func refused(_ arguments: String..., because: String) throws {
                let ended = try las(["manifest", "kubernetes", "metro", "--single"] + arguments)
                #expect(ended.status == 2 && ended.output.isEmpty && ended.errors.contains(because), "\(ended.errors)")
            }
            try refused(because: "--image is missing")
            try refused("--image", "registry.example/hello:1", because: "a tag may name another one tomorrow")
            try refused("--image", Self.image, "--name", "Hello", because: "“Hello” can't be the name of a run")
            try refused("--image", Self.image, "--size", "10 GB", because: "“10 GB” is no size of a volume")
            try refused("--image", Self.image, "--node", "ssd", because: "--node takes a label and its value")
        }
    }
}
