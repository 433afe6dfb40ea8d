import Glibc
import Metro
import Testing

/// No text, however broken, crashes las or keeps it busy: it is read, or refused with mistakes that are told.
@Suite struct HostileMetrosTests {
    private func read(_ text: [UInt8]) -> MetroFailure? {
        do throws(MetroFailure) {
            _ = try MetroReader.read(text: text, file: "metro.yml")
            return nil
        } catch {
            return error
        }
    }

    /// Of this thread: whatever else the machine does meanwhile counts for nothing.
    private func seconds(_ body: () -> Void) -> Double {
        func now() -> Double {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        }
        let start = now()
        body()
        return now() - start
    }

    @Test(arguments: [
        "[", "{", "- ", "a: ", "? ", "\"", "'", "|\n ", "[{", "{ a: [", "&a [", "*a ", "!!a ", "%", "\t", "\u{85}",
        "a: &x [*x, ",
    ])
    func megabytesOfOneSign(_ sign: String) {
        let text = Array(String(repeating: sign, count: (sign == "[" ? 10_000_000 : 1_000_000) / sign.utf8.count).utf8)
        let time = seconds { #expect(read(text) != nil) }
        #expect(time < 60, "\(sign): \(time)")
    }

    @Test func moreThanTheLimitIsNotEvenRead() {
        #expect(read(Array(repeating: 0x23, count: 17 << 20))?.diagnostics.count == 1)
    }

    @Test func randomBytesAndCutMetros() {
        // The same each time; others in the soak.
        let seed = getenv("LAS_SOAK") == nil ? 1 : UInt64.random(in: 0 ... .max)
        var state = seed
        func next() -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33)
        }
        let good = Array(Self.good.utf8)
        let signs = Array(" \n\t:-{}[]\"'|>#&*!%@`,?$()<>\\/.=~ainots0\0\u{1B}é".utf8)
        for round in 0..<2000 {
            var text = good
            switch round % 3 {
            case 0: text = (0..<(next() % 200)).map { _ in UInt8(truncatingIfNeeded: next()) }
            case 1: text.removeSubrange((next() % text.count)...)
            default: break
            }
            for _ in 0..<(next() % 8) where !text.isEmpty {
                let place = next() % text.count
                switch next() % 3 {
                case 0: text[place] = signs[next() % signs.count]
                case 1: text.remove(at: place)
                default: text.insert(signs[next() % signs.count], at: place)
                }
            }
            if let failure = read(text) { #expect(!failure.diagnostics.isEmpty, "round \(round) of the seed \(seed)") }
        }
    }

    static let good = """
        metro: m
        needs: { debian: [samtools] }
        inputs:
          reads: { files: reads/*.fq, valid: { extension: [fq], larger_than: 0 } }
          note: { text: "a" }
        lines:
          one:
            - station: a
              for_each: reads
              in: note
              command: |
                case $(wc -l "{each}") in a) echo '{name}' ;; esac > {out} # {in}
                cat <<'E' >> {out}
                text
                E
              out: "{name}.txt"
              uses: { cpus: 2, memory: 2 GB, time: 1 hour }
            - station: b
              in: [a/*.txt, note]
              command: cat {in_1} {note}
              out: b.txt
        results: [b]
        """

    @Test func theGoodOneIsGood() throws {
        #expect(read(Array(Self.good.utf8)) == nil)
    }

    /// A metro of 5,000 stations, right and wrong in every one.
    @Test func manyStations() {
        func metro(_ station: (Int) -> String) -> [UInt8] {
            Array(("metro: m\ninputs:\n  x: x.txt\nlines:\n  one:\n" + (0..<5000).map(station).joined()).utf8)
        }
        let right = metro {
            "    - station: s\($0)\n      in: \($0 == 0 ? "x" : "s\($0 - 1)")\n      command: cat {in}\n      out: a.txt\n"
        }
        let time = seconds { #expect(read(right) == nil) }
        #expect(time < 60, "\(time)")
        let wrong = metro {
            "    - station: s\($0)\n      in: t\($0)\n      command: cat {inn} {x} {s\($0)}\n      colour: red\n      out: ../a\n"
        }
        let slow = seconds {
            let failure = read(wrong)
            #expect(failure?.diagnostics.count == 200)
            #expect((failure?.more ?? 0) > 20_000)
        }
        #expect(slow < 60, "\(slow)")
        let circle = metro {
            "    - station: s\($0)\n      in: s\(($0 + 1) % 5000)\n      command: cat {in}\n      out: a.txt\n"
        }
        #expect(read(circle)?.diagnostics.count == 1)
    }

    @Test(arguments: [
        "(a{255}){255}", "((((((a+)+)+)+)+)+)+", "(a)\\1", "a++++++++++++", "(((a{9}){9}){9}){9}",
        String(repeating: "(", count: 501),
    ])
    func expressionsThatWouldTakeAllMemoryAreRefused(_ expression: String) {
        #expect(Expression.mistake(in: expression) != nil)
    }

    @Test func expressionsOfPeopleWork() {
        #expect(Expression.mistake(in: "^s[0-9]{1,3}_(1|2)+\\.fq$") == nil)
        #expect(Expression.matches("s12_1.fq", "^s[0-9]{1,3}_(1|2)+\\.fq$"))
        #expect(!Expression.matches("x12_1.fq", "^s[0-9]"))
    }
}
