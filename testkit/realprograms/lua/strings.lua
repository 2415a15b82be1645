-- Formatting, patterns, packing, UTF-8.

print(("%5d|%-5d|%05d|%+d|%x|%X|%#x|%o"):format(42, 42, 42, 42, 255, 255, 255, 8))
print(("%.3f|%10.2f|%-10.1f|%e|%g|%g|%a"):format(math.pi, -2.5, 1 / 3, 12345.678, 1e20, 1e-5, 1.5))
print(("%s|%10s|%-10s|%.2s|%q|%c%c%%"):format("text", "right", "left", "cut off", 'a "quoted"\n line\0', 72, 105))
print(("%q %q %q"):format(1 / 3, math.mininteger, 255))
print(("%i"):format(3.0), pcall(string.format, "%d", 3.5))

print(("the quick brown fox"):gsub("%w+", function(w) return w:sub(1, 1):upper() .. w:sub(2) end))
print(("key = value; other=thing"):gsub("(%w+)%s*=%s*(%w+)", "%2 -> %1"))
print(("hello world"):find("o w"), ("hello world"):find("l+"), ("a.b"):find(".", 2, true), ("abc"):find("x"))
for k, v in ("a=1, bb=22, ccc=333"):gmatch("(%w+)=(%w+)") do io.write(k, "=>", v, " ") end
print()
print(("  trim me  "):match("^%s*(.-)%s*$") .. "|", ("2026-11-22"):match("(%d+)-(%d+)-(%d+)"))
print(("f(a(b)c)d"):match("%b()"), ("THE (quick) fox"):find("%((%a+)%)"), ("hello"):match("()ll()"))
print(("one;two;;four"):gsub(";;", ";nil;"), ("abc"):rep(3, "-"), ("abc"):reverse(), ("%d"):gsub("%%", "%%%%"))
print(("THE END"):lower(), ("the end"):upper(), ("abc"):byte(1, -1))
print(("x"):rep(0) == "", ("abcdef"):sub(-3, -2), ("frontier THEME"):gsub("%f[%a]%a+", "<%0>"))
print(pcall(string.rep, "x", -1), pcall(string.gsub, "x", "(", ""))

local packed = string.pack("<i2 >I4 =d z s1 B", -2, 0xdeadbeef, 1.25, "zero", "short", 200)
print(#packed, (packed:gsub(".", function(c) return ("%02x"):format(c:byte()) end)))
print(string.unpack("<i2 >I4 =d z s1 B", packed))
print(string.packsize("i4 i8 !8 d"), string.pack("!4 i1 i4", 1, 2):byte(1, -1))
print(pcall(string.pack, "i1", 300))

local text = "na\u{ef}ve \u{2014} \u{65e5}\u{672c} \u{1f600}"
print(#text, utf8.len(text), utf8.char(0x48, 0xe9, 0x20ac, 0x1f680))
for position, code in utf8.codes(text) do io.write(position, ":", ("%x"):format(code), " ") end
print()
print(utf8.offset(text, 5), utf8.codepoint(text, 1, 4), utf8.len("\xff\xfe"))

print(tonumber("0x1p4"), tonumber("1e1"), tonumber("  12  "), tonumber("12a"), tonumber("zz", 36), tonumber("1e"))
print("a" < "b", "a" < "B", "" < "a", "Z" < "a", "abc" < "abd", "\0a" < "\0b")

local pieces = {}
for i = 1, 2000 do pieces[#pieces + 1] = ("%d:%s"):format(i, ("ab"):rep(i % 5)) end
local joined = table.concat(pieces, ",")
local sum = 0
for i = 1, #joined do sum = (sum * 31 + joined:byte(i)) % 4294967296 end
print(#joined, sum)
