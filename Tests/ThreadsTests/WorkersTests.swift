import Testing
import Threads

@Suite struct WorkersTests {
    @Test(arguments: [1, 2, 8]) func allThreadsShareTheWork(_ count: Int) {
        let left = Monitor(Array(1...1000))
        let sum = Monitor(0)
        Workers.run(count) { _ in
            while let number = left.change({ $0.popLast() }) { sum.change { $0 += number } }
        }
        #expect(sum.change { $0 } == 500_500)
    }

    @Test func aThreadWaitsUntilAnotherHasMadeWhatItNeeds() {
        let state = Monitor((turn: 0, order: [Int]()))
        let next = Monitor(0)
        Workers.run(4) { _ in
            while true {
                let number = next.change { number in
                    defer { number += 1 }
                    return number
                }
                if number >= 100 { return }
                state.await { state in
                    guard state.turn == number else { return nil as Void? }
                    state.order.append(number)
                    state.turn += 1
                    return ()
                }
            }
        }
        #expect(state.change { $0.order } == Array(0..<100))
    }

    @Test func resultsComeInTheOrderOfTheItems() throws {
        #expect(try Workers.each(Array(0..<100), on: 4) { $0 * 2 } == (0..<100).map { $0 * 2 })
        #expect(try Workers.each([Int](), on: 4) { $0 } == [])
    }

    @Test func afterAnErrorNoFurtherItemIsBegun() throws {
        struct Wrong: Error, Equatable { let item: Int }
        let begun = Monitor(0)
        #expect(throws: Wrong(item: 2)) {
            try Workers.each(Array(0..<100), on: 1) { item in
                begun.change { $0 += 1 }
                if item >= 2 { throw Wrong(item: item) }
            }
        }
        #expect(begun.change { $0 } == 3)
    }

    @Test func twoThingsAreDoneAtTheSameTime() throws {
        struct Wrong: Error {}
        let (number, text) = try Workers.both({ 1 }, { "two" })
        #expect(number == 1 && text == "two")
        let done = Monitor(false)
        #expect(throws: Wrong.self) { try Workers.both({ throw Wrong() }, { done.change { $0 = true } }) }
        #expect(done.change { $0 })
    }

    @Test func aThreadOfItsOwnEndsBeforeItIsJoined() throws {
        let done = Monitor(false)
        try OwnThread { done.change { $0 = true } }.join()
        #expect(done.change { $0 })
    }
}
