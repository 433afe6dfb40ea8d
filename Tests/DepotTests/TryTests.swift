import Depot
import Files
import Metro
import Testing

@Suite(.serialized) struct Try {
    @Test(arguments: [
        ["main": Needs()], ["main": Needs(debian: ["bowtie2", "samtools", "bcftools", "bowtie2-examples"])],
    ])
    func build(_ needs: [String: Needs]) async throws {
        let architecture = try Architecture.ofThisMachine()
        let sources = try AptSources.ofMachine(environment: [:], architecture: architecture)
        let depot = Depot(lash: LASH(root: "/tmp/las-tests-lash"), sources: sources, architecture: architecture)
        let lock = try await depot.lock(needs)
        let tree = try await depot.build(try #require(lock.environments["main"]))
        #expect(tree.layers.count > 20)
    }
}
