import Files
import JSON
import Plan
import TestSupport
import Testing

/// What whoever keeps a machine demands of how images are reached.
@Suite struct EnginePolicyTests {
    private let bundles = BundleRunTests()
    private let metro = plan([station("hello", "echo hello > {out}")])

    private func setPolicy(_ text: String, in scratch: String) throws {
        try Folder.make(scratch + "/lash")
        try File.write(text, to: scratch + "/lash/policy.json")
    }

    @Test func thePolicyOfAMachineForcesAnEngine() throws {
        try withScratch { scratch in
            let bundle = try bundles.bundle(metro, in: scratch)
            try setPolicy(#"{"engine": "extraction", "signature": "any"}"#, in: scratch)
            let ended = try bundles.start(bundle, "run", "--lash", "lash", in: scratch)
            #expect(ended.status == 0, "\(ended.errors)")
            #expect(ended.errors.contains("engine: extraction, because the policy of this LASH demands it"))
            let same = try bundles.start(bundle, "run", "--engine", "extraction", "--lash", "lash", in: scratch)
            #expect(same.status == 0, "\(same.errors)")
            let other = try bundles.start(bundle, "run", "--engine", "fuse", "--lash", "lash", in: scratch)
            #expect(other.status == 2)
            #expect(
                other.errors.contains(
                    "the policy of this LASH demands the engine extraction, and --engine asks for fuse"),
                "\(other.errors)")
            #expect(other.errors.contains("lash/policy.json"))
            let doctor = try JSONText.parse(
                try bundles.start(bundle, "doctor", "--json", "--lash", "lash", in: scratch).output)
            #expect(doctor["engine"]?.string == "extraction")
            #expect(doctor["reason"]?.string == "the policy of this LASH demands it")
        }
    }

    @Test(arguments: [
        (#"{"engine": "quick"}"#, "“engine” is one of kernel, fuse, extraction, proot, and not “quick”"),
        (#"{"engine": 1}"#, "“engine” is one of kernel, fuse, extraction, proot, and not what it says there"),
    ]) func nothingRunsWhereItCantBeRead(_ text: String, _ cause: String) throws {
        try withScratch { scratch in
            let bundle = try bundles.bundle(metro, in: scratch)
            try setPolicy(text, in: scratch)
            let ended = try bundles.start(bundle, "run", "--lash", "lash", in: scratch)
            #expect(ended.status != 0)
            #expect(ended.errors.contains("the policy of this LASH can't be read"), "\(ended.errors)")
            #expect(ended.errors.contains("lash/policy.json"))
            #expect(!File.exists(scratch + "/results/hello"))
            let doctor = try bundles.start(bundle, "doctor", "--lash", "lash", in: scratch)
            #expect(doctor.output.contains("note     no run can begin: "), "\(doctor)")
            #expect(doctor.output.contains("the policy of this LASH can't be read: \(cause)"), "\(doctor)")
        }
    }
}
