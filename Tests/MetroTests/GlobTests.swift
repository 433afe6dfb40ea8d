import Testing

@testable import Metro

@Suite struct GlobTests {
    @Test(arguments: [
        ("reads/*.fq", "reads/s1.fq", true), ("reads/*.fq", "reads/a/s1.fq", false), ("reads/*.fq", "reads/.fq", false),
        ("*", ".hidden", false), (".*", ".hidden", true), ("s?.fq", "s1.fq", true), ("s?.fq", "s12.fq", false),
        ("s[0-9].fq", "s7.fq", true), ("s[!0-9].fq", "s7.fq", false), ("s[.fq", "s[.fq", true), ("a\\*b", "a*b", true),
        ("a\\*b", "axb", false), ("**/x.fq", "x.fq", true), ("**/x.fq", "a/b/x.fq", true),
        ("a/**/b/*.fq", "a/1/b/2/b/x.fq", true),
        ("a/**/b/*.fq", "a/1/b/2/x.fq", false), ("*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ("ü?.txt", "üß.txt", true),
    ]) func aPatternMatchesAsInAShell(_ pattern: String, _ path: String, _ matches: Bool) {
        #expect(Glob(pattern).matches(path) == matches)
        if matches { #expect(path.hasPrefix(Glob(pattern).start)) }
    }

    @Test(arguments: [
        ("refs/*.fa", "refs/"), ("said-*", "said-"), ("whole", "whole"), ("refs/**/x", "refs"), ("**/x", ""),
        ("a\\*b/c?", "a*b/c"),
    ]) func allThatItMatchesBeginsAlike(_ pattern: String, _ start: String) { #expect(Glob(pattern).start == start) }

    @Test(arguments: [
        ("reads/*_1.fq", "reads/s1_1.fq", "s1"), ("reads/*", "reads/s1.fq.gz", "s1"),
        ("reads/*.gz", "reads/s1.fq.gz", "s1"),
        ("reads/*.fq", "reads/a.b.fq", "a.b"), ("reads/*.fq.gz", "reads/a.b.fq.gz", "a.b"),
        ("reads/*", "reads/a.b.fq", "a.b"),
        ("samples/*/reads.fq", "samples/s7/reads.fq", "s7"), ("runs/*/*.fq", "runs/mon/s1.fq", "mon_s1"),
        ("data/lambda.fa", "data/lambda.fa", "lambda"), ("**/*.fq", "a/b/s1.fq", "s1"), ("*", "chr.1", "chr.1"),
        ("s*.fq", "s.fq", "s"), ("a.*", "a.txt", "txt"),
    ]) func theNameIsWhatTheStarMatchedWithoutTheEnding(_ pattern: String, _ path: String, _ name: String) {
        #expect(Glob(pattern).itemName(of: path) == name)
    }

    @Test(arguments: [
        ("*.vcf.gz", "{name}.vcf.gz", true), ("*.bam", "{name}.vcf.gz", false), ("s1*", "{name}.bam", true),
        ("ref.fa", "ref.fa", true), ("x/*.txt", "{name}/a.txt", true), ("x/y/*.txt", "{name}/a.txt", false),
    ]) func aPatternCanMeetAnOutputOfSomeName(_ pattern: String, _ output: String, _ meets: Bool) {
        #expect(OutputName(output).mayMatch(Glob(pattern)) == meets)
    }
}
