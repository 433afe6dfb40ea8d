import Files
import Metro
import TestSupport
import Testing

@testable import Plan

/// The example of the design, from its text to its commands.
@Suite struct LambdaVariantsTests {
    static let text = """
        metro: lambda-variants
        about: Finds the variants in each sample of lambda phage reads.

        needs:                                  # dependencies of the whole metro; a station may have its own
          debian: [bowtie2, samtools, bcftools]

        inputs:
          reference: data/lambda_virus.fa       # packed as the default; `--input reference=other.fa` replaces it for a run
          reads:
            files: reads/*.fq
            valid: { extension: [fq, fastq], larger_than: 0 }

        lines:
          preparation:
            - station: index
              in: reference
              command: bowtie2-build {in} {out}/ref
              out: index/                       # a folder
            - station: faidx
              in: reference
              command: cp {in} {out} && samtools faidx {out}
              out: [ref.fa, ref.fa.fai]

          calling:
            - station: align
              for_each: reads                   # once for every valid input: {each}
              in: index                         # whole, for every one of them: {in} or {index}
              command: bowtie2 -x {index}/ref -U {each} | samtools sort -o {out}
              out: "{name}.bam"                 # {name}: the item's name, here the file's without its ending
              uses: { cpus: 2, memory: 2 GB }
            - station: call
              for_each: align
              in: faidx/ref.fa                  # names one of the files; the others lie beside it
              command: bcftools mpileup -f {in} {each} | bcftools call -mv -Oz -o {out} && bcftools index {out}
              out: ["{name}.vcf.gz", "{name}.vcf.gz.csi"]     # {out}: the first; {out_2}: the second
            - station: merge
              in: call/*.vcf.gz                 # all of that name that call made, at once
              command: bcftools merge {in} -o {out}
              out: all.vcf

        results: [merge]
        """

    /// Runs all tasks in one's head: each makes what it says.
    static func commands(of plan: Plan, inside: [String: [String]] = [:]) throws -> [String: PlannedTask.Command] {
        var graph = try TaskGraph(plan)
        var commands: [String: PlannedTask.Command] = [:]
        while !graph.isFinished {
            for task in graph.takeReady() {
                commands[task.id.name] = task.command
                try graph.finished(task.id, made: TaskGraphTests.made(task, inside: inside))
            }
        }
        return commands
    }

    @Test func theDesignsExampleGivesTheCommandsThatOneExpects() throws {
        try withScratch { folder in
            try Folder.make(folder + "/data")
            try Folder.make(folder + "/reads")
            try File.write(">lambda\nACGT\n", to: folder + "/data/lambda_virus.fa")
            for sample in ["s1", "s2"] { try File.write("@r\nACGT\n+\nIIII\n", to: folder + "/reads/\(sample).fq") }
            try File.write("", to: folder + "/reads/empty.fq")
            try File.write(Self.text, to: folder + "/metro.yml")
            let metro = try MetroReader.read(path: folder + "/metro.yml")
            let plan = try Planner.plan(metro, files: try InputFiles.find(for: metro, in: folder))

            #expect(plan.environments.map(\.needs.debian) == [["bcftools", "bowtie2", "samtools"]])
            #expect(plan.notes == ["1 of 3 reads was left out: reads/empty.fq is not larger than 0"])
            #expect(plan.stations.map(\.id.name) == ["index", "faidx", "align", "call", "merge"])
            #expect(plan.stations[2].uses == Resources(cpus: 2, memory: 2_000_000_000))
            #expect(
                plan.packedFiles.map(\.path) == [
                    "inputs/reads/s1.fq", "inputs/reads/s2.fq", "inputs/reference/lambda_virus.fa",
                ])
            #expect(
                try Self.commands(of: plan, inside: ["index": ["ref.1.bt2"]]) == [
                    "index": .direct(["bowtie2-build", "/.las/inputs/reference/lambda_virus.fa", "index/ref"]),
                    "faidx": .shell("cp /.las/inputs/reference/lambda_virus.fa ref.fa && samtools faidx ref.fa"),
                    "align/s1": .shell(
                        "bowtie2 -x /.las/made/index/index/ref -U /.las/inputs/reads/s1.fq | samtools sort -o s1.bam"),
                    "align/s2": .shell(
                        "bowtie2 -x /.las/made/index/index/ref -U /.las/inputs/reads/s2.fq | samtools sort -o s2.bam"),
                    "call/s1": .shell(
                        "bcftools mpileup -f /.las/made/faidx/ref.fa /.las/made/align/s1/s1.bam | "
                            + "bcftools call -mv -Oz -o s1.vcf.gz && bcftools index s1.vcf.gz"),
                    "call/s2": .shell(
                        "bcftools mpileup -f /.las/made/faidx/ref.fa /.las/made/align/s2/s2.bam | "
                            + "bcftools call -mv -Oz -o s2.vcf.gz && bcftools index s2.vcf.gz"),
                    "merge": .direct([
                        "bcftools", "merge", "/.las/made/call/s1/s1.vcf.gz", "/.las/made/call/s2/s2.vcf.gz", "-o",
                        "all.vcf",
                    ]),
                ])
            #expect(
                plan.text.contains(
                    """
                      align       for each of reads: 2 tasks (s1, s2)
                                  takes    index
                                  command  bowtie2 -x {index}/ref -U {each} | samtools sort -o {out}
                                  makes    {name}.bam
                                  uses     2 cpus, 2 GB of memory
                    """), "\(plan.text)")
        }
    }

    /// The genome and reads of Debian's package bowtie2-examples (2.5.0-3), gzipped as it brings them.
    static let fromThePackage = """
        metro: lambda-variants
        needs:
          debian: [bowtie2, bowtie2-examples, samtools, bcftools]
        inputs:
          reference: { image: /usr/share/doc/bowtie2/examples/reference/lambda_virus.fa.gz }
          reads: { image: "/usr/share/doc/bowtie2/examples/reads/*reads*.fq.gz" }
        lines:
          preparation:
            - station: faidx
              in: reference
              command: zcat {in} > {out} && samtools faidx {out}
              out: [ref.fa, ref.fa.fai]
            - station: index
              in: faidx/ref.fa
              command: bowtie2-build {in} {out}/ref
              out: index/
          calling:
            - station: align
              for_each: reads
              in: index
              command: bowtie2 -x {index}/ref -U {each} | samtools sort -o {out}
              out: "{name}.bam"
        """

    static let image = [
        "/usr/bin/bowtie2", "/usr/share/doc/bowtie2/examples/reads/combined_reads.bam.gz",
        "/usr/share/doc/bowtie2/examples/reads/longreads.fq.gz", "/usr/share/doc/bowtie2/examples/reads/reads_1.fq.gz",
        "/usr/share/doc/bowtie2/examples/reads/reads_2.fq.gz",
        "/usr/share/doc/bowtie2/examples/reference/lambda_virus.fa.gz",
    ]

    @Test func inputsOfAPackageAreKnownWhenItsEnvironmentIs() throws {
        let metro = try MetroReader.read(text: Self.fromThePackage, file: "metro.yml")
        let plan = try Planner.plan(metro, files: InputFiles())
        #expect(!plan.knowsAllInputs)
        #expect(plan.text.contains("lambda_virus.fa.gz in the image: known when packed"))
        #expect(throws: PlanFailure.self) { try TaskGraph(plan) }

        let resolved = try plan.resolvingImageInputs { environment in
            #expect(environment == .main)
            return ImageFiles(paths: Self.image)
        }
        let commands = try Self.commands(of: resolved)
        #expect(
            commands["faidx"]
                == .shell(
                    "zcat /usr/share/doc/bowtie2/examples/reference/lambda_virus.fa.gz > ref.fa && samtools faidx ref.fa"
                ))
        #expect(commands["index"] == .direct(["bowtie2-build", "/.las/made/faidx/ref.fa", "index/ref"]))
        let reads = "/usr/share/doc/bowtie2/examples/reads"
        #expect(
            commands["align/reads_1"] == nil,
            "a star that matches nothing adds nothing to the name: \(commands.keys.sorted())")
        #expect(
            commands["align/_1"]
                == .shell("bowtie2 -x /.las/made/index/index/ref -U \(reads)/reads_1.fq.gz | samtools sort -o _1.bam"))
    }

    @Test func whatNoPackageBringsIsToldWithTheNearest() throws {
        let text = Self.fromThePackage.replacing("/bowtie2/examples/reference/", with: "/bowtie2-examples/reference/")
        let plan = try Planner.plan(try MetroReader.read(text: text, file: "metro.yml"), files: InputFiles())
        let failure = #expect(throws: PlanFailure.self) {
            try plan.resolvingImageInputs { _ in ImageFiles(paths: Self.image) }
        }
        #expect(failure?.summary.contains("/usr/share/doc/bowtie2-examples/reference/lambda_virus.fa.gz") == true)
        #expect(failure?.fix == "did you mean /usr/share/doc/bowtie2/examples/reference/lambda_virus.fa.gz?")
        #expect(failure?.exitCode == .usage)
    }
}
