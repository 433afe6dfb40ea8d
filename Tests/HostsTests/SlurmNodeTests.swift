import Testing

@testable import Hosts

@Suite struct SlurmNodeTests {
    @Test(arguments: [
        ("gpu:2(IDX:0-1)", 2), ("gpu:a100:4(IDX:0-3)", 4), ("gpu:a100:2(IDX:0,3),gpu:k80:1(IDX:1)", 3),
        ("gpu(S:0-1):8(IDX:0-7)", 8),
        ("shard:4(CNT:4),gpu:1(IDX:0)", 1), ("shard:4(CNT:4)", 0), ("", 0), ("gpu:-1,gpu:x,gpu", 0),
        ("license:gpu:3", 0),
    ])
    func gpusAreCounted(_ text: String, _ count: Int) { #expect(SlurmNode.gpus(text) == count) }
}
