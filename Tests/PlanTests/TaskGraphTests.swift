import JSON
import Metro
import Testing

@testable import Plan

@Suite struct TaskGraphTests {
    static let variants = Plan(
        metro: "lambda-variants",
        environments: [PlannedEnvironment(id: .main, needs: Needs(debian: ["bowtie2"]))],
        inputs: [
            PlannedInput(
                name: "reference", kind: .files, patterns: ["data/lambda_virus.fa"],
                files: [
                    PlannedFile(
                        name: "lambda_virus", path: "/.las/inputs/reference/lambda_virus.fa",
                        source: "data/lambda_virus.fa")
                ]),
            PlannedInput(
                name: "reads", kind: .files, patterns: ["reads/*.fq"],
                files: ["s1", "s2"].map {
                    PlannedFile(name: $0, path: "/.las/inputs/reads/\($0).fq", source: "reads/\($0).fq")
                }),
        ],
        stations: [
            station("index", takes: [Taken(.input("reference"))], "bowtie2-build {in} {out}/ref", ["index/"]),
            station(
                "faidx", takes: [Taken(.input("reference"))], "cp {in} {out} && samtools faidx {out}",
                ["ref.fa", "ref.fa.fai"]),
            station(
                "align", takes: [Taken(.station(StationID("index")))], forEach: [Taken(.input("reads"))],
                "bowtie2 -x {index}/ref -U {each} | samtools sort -o {out}", ["{name}.bam"]),
            station(
                "call", takes: [Taken(.station(StationID("faidx")), pattern: "ref.fa")],
                forEach: [Taken(.station(StationID("align")))],
                "bcftools mpileup -f {in} {each} | bcftools call -mv -Oz -o {out} && bcftools index {out}",
                ["{name}.vcf.gz", "{name}.vcf.gz.csi"]),
            station(
                "merge", takes: [Taken(.station(StationID("call")), pattern: "*.vcf.gz")],
                "bcftools merge {in} -o {out}",
                ["all.vcf"]),
        ],
        results: [PlannedResult(station: StationID("merge"))])

    static func station(
        _ name: String, takes: [Taken] = [], forEach: [Taken] = [], _ command: String, _ outputs: [String]
    ) -> PlannedStation {
        PlannedStation(
            id: StationID(name), line: "main", environment: .main, takes: takes, forEach: forEach, command: command,
            outputs: outputs)
    }

    static func made(_ task: PlannedTask, inside: [String: [String]] = [:]) -> [MadeFile] {
        task.outputs.flatMap { output in
            [MadeFile(path: output.path, isFolder: output.isFolder)]
                + (inside[output.path] ?? []).map { MadeFile(path: "\(output.path)/\($0)", isFolder: false) }
        }.sorted()
    }

    @Test func tasksComeAsSoonAsWhatTheyTakeIsThere() throws {
        // As the runtime gets it.
        let plan = try JSONText.decode(Plan.self, from: JSONText.encode(Self.variants))
        #expect(plan == Self.variants)
        var graph = try TaskGraph(plan)
        let first = graph.takeReady()
        #expect(first.map(\.id.name) == ["index", "faidx"])
        #expect(graph.takeReady().isEmpty)
        #expect(first[0].command == .direct(["bowtie2-build", "/.las/inputs/reference/lambda_virus.fa", "index/ref"]))
        #expect(first[1].command == .shell("cp /.las/inputs/reference/lambda_virus.fa ref.fa && samtools faidx ref.fa"))
        #expect(first[0].outputs == [.init(path: "index", isFolder: true)])

        try graph.finished(TaskID("index"), made: Self.made(first[0], inside: ["index": ["ref.1.bt2"]]))
        let aligned = graph.takeReady()
        #expect(aligned.map(\.id.name) == ["align/s1", "align/s2"])
        #expect(
            aligned[0].command
                == .shell("bowtie2 -x /.las/made/index/index/ref -U /.las/inputs/reads/s1.fq | samtools sort -o s1.bam")
        )
        #expect(aligned[0].reads == ["index"])
        try graph.finished(TaskID("align/s2"), made: Self.made(aligned[1]))
        #expect(graph.takeReady().isEmpty)
        try graph.finished(TaskID("faidx"), made: Self.made(first[1]))
        let called = graph.takeReady()
        #expect(called.map(\.id.name) == ["call/s2"])
        #expect(
            called[0].command
                == .shell(
                    "bcftools mpileup -f /.las/made/faidx/ref.fa /.las/made/align/s2/s2.bam | bcftools call -mv -Oz -o s2.vcf.gz && bcftools index s2.vcf.gz"
                ))
        #expect(called[0].reads == ["align/s2", "faidx"])
        #expect(called[0].made == "call/s2")
        try graph.finished(TaskID("align/s1"), made: Self.made(aligned[0]))
        try graph.finished(TaskID("call/s2"), made: Self.made(called[0]))
        let last = graph.takeReady()
        try graph.finished(last[0].id, made: Self.made(last[0]))
        let merge = graph.takeReady()
        #expect(
            merge.map(\.command) == [
                .direct([
                    "bcftools", "merge", "/.las/made/call/s1/s1.vcf.gz", "/.las/made/call/s2/s2.vcf.gz", "-o",
                    "all.vcf",
                ])
            ])
        #expect(merge[0].reads == ["call"])
        #expect(!graph.isFinished)
        try graph.finished(merge[0].id, made: Self.made(merge[0]))
        #expect(graph.isFinished)
        #expect(graph.results.map(\.path) == ["merge/all.vcf"])
        #expect(graph.results.map(\.made) == ["merge/all.vcf"])
        #expect(graph.knownTasks[StationID("call")] == 2)
    }

    @Test func aFailureStopsOnlyWhatDependsOnIt() throws {
        var graph = try TaskGraph(Self.variants)
        for task in graph.takeReady() { try graph.finished(task.id, made: Self.made(task)) }
        let aligned = graph.takeReady()
        let skipped = graph.failed(aligned[0].id)
        #expect(skipped.map(\.station.name) == ["call", "merge"])
        #expect(skipped.map(\.task?.name) == ["call/s1", nil])
        #expect(skipped.allSatisfy { $0.because == TaskID("align/s1") })
        try graph.finished(aligned[1].id, made: Self.made(aligned[1]))
        let called = graph.takeReady()
        #expect(called.map(\.id.name) == ["call/s2"])
        try graph.finished(called[0].id, made: Self.made(called[0]))
        #expect(graph.takeReady().isEmpty)
        #expect(graph.isFinished)
        #expect(graph.results.isEmpty)
    }

    @Test func aPlanOfANewerLasIsRefusedKindly() throws {
        guard case .object(var members) = JSONValue(encoding: Self.variants) else { return }
        members["version"] = .integer(Int64(Plan.currentVersion + 1))
        let plan = try JSONValue.object(members).decode(Plan.self)
        let failure = #expect(throws: PlanFailure.self) { try TaskGraph(plan) }
        #expect(failure?.summary == "this metro was packed by a newer las")
        #expect(failure?.exitCode == .integrity)
    }

    @Test func thePlanIsWrittenTheSameEachTime() throws {
        let text = Self.variants.json
        for _ in 0..<5 { #expect(Self.variants.json == text) }
        #expect(try JSONText.decode(Plan.self, from: Array(text.utf8)) == Self.variants)
    }
}
