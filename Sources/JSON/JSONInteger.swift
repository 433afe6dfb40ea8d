/// The integers of the standard library, told by which type a value has. To ask whether a type conforms to a protocol of integers has the
/// runtime go through all conformances of the program, once for each type: that took longer than to read a plan.
enum JSONInteger {
    /// - Returns: nil for a value that is no integer; nil inside where 64 bits with a sign don't hold it.
    static func exact<T>(_ value: T) -> Int64?? {
        if T.self == Int.self { return .some(Int64(value as! Int)) }
        if T.self == Int64.self { return .some(.some(value as! Int64)) }
        if T.self == UInt64.self { return .some(Int64(exactly: value as! UInt64)) }
        if T.self == Int32.self { return .some(Int64(value as! Int32)) }
        if T.self == UInt32.self { return .some(Int64(value as! UInt32)) }
        if T.self == UInt.self { return .some(Int64(exactly: value as! UInt)) }
        if T.self == UInt8.self { return .some(Int64(value as! UInt8)) }
        if T.self == UInt16.self { return .some(Int64(value as! UInt16)) }
        if T.self == Int16.self { return .some(Int64(value as! Int16)) }
        if T.self == Int8.self { return .some(Int64(value as! Int8)) }
        return nil
    }

    /// - Returns: nil for a type that is no integer; nil inside where the number is none of its.
    static func value<T>(_ type: T.Type, of number: Int64?) -> T?? {
        func made<I: FixedWidthInteger>(_ integer: I.Type) -> T?? { .some(number.flatMap { I(exactly: $0) } as! T?) }
        if type == Int.self { return made(Int.self) }
        if type == Int64.self { return made(Int64.self) }
        if type == UInt64.self { return made(UInt64.self) }
        if type == Int32.self { return made(Int32.self) }
        if type == UInt32.self { return made(UInt32.self) }
        if type == UInt.self { return made(UInt.self) }
        if type == UInt8.self { return made(UInt8.self) }
        if type == UInt16.self { return made(UInt16.self) }
        if type == Int16.self { return made(Int16.self) }
        if type == Int8.self { return made(Int8.self) }
        return nil
    }
}
