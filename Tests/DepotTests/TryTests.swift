import Depot
import Files
import Testing

@Suite struct Try {
    @Test func lock() async throws {
        let architecture = try Architecture.ofThisMachine()
        let sources = try AptSources.ofMachine(environment: [:], architecture: architecture)
        let depot = Depot(lash: LASH(root: "/tmp/las-tests-lash"), sources: sources, architecture: architecture) {
            event in
            if case .warning(let text) = event { print(text) }
        }
        let clock = ContinuousClock()
        var lock: Lock?
        for _ in 1...2 {
            print(
                try await clock.measure {
                    lock = try await depot.lock([
                        "main": [], "tools": ["bowtie2", "samtools", "bcftools", "bowtie2-examples"],
                        "py": ["python3-pandas", "python3-matplotlib"],
                        "r": ["r-base", "default-jre-headless", "imagemagick", "gnuplot"],
                        "sys": ["systemd", "postgresql", "texlive-base", "man-db", "mafft", "fastqc", "nginx"],
                    ])
                })
        }
        try lock?.write(to: "/tmp/las-lock")
        print(lock!.environments.mapValues { ($0.packages.count, $0.packages.reduce(0) { $0 + $1.size }) })
    }
}
