-- Files: the first argument is a directory to write in.

local dir = ...
local path = dir .. "/lua.txt"
local file = assert(io.open(path, "w"))
print(io.type(file), file:write("first line\n", 2, " ", 3.5, "\n", "last") == file)
print(file:seek("cur"), file:seek("set", 6), file:write("LINE") == file, file:close(), io.type(file))
for line in io.lines(path) do io.write("[", line, "] ") end
print()
file = assert(io.open(path, "a+"))
file:write("\n", ("x"):rep(10000), "\n")
file:seek("set")
print(file:read("l", "n", "n", "L", "l"))
print(#file:read("a"), file:read("a"), file:read("l"))
print(file:seek("end"))
file:close()
file = assert(io.open(path, "rb"))
local total, blocks = 0, 0
while true do
  local block = file:read(777)
  if not block then break end
  total, blocks = total + #block, blocks + 1
end
file:close()
print(total, blocks)
print(os.rename(path, dir .. "/renamed.txt"), (io.open(path)))
print(os.remove(dir .. "/renamed.txt"))
print(select("#", os.remove(dir .. "/renamed.txt")), io.open(dir .. "/none/none") == nil)
print(os.time { year = 2026, month = 11, day = 22, hour = 12, min = 0, sec = 0, isdst = false } ~= nil)
print(os.date("!%Y-%m-%d %H:%M:%S", 86400 * 365), os.getenv("NO_SUCH_VARIABLE"), os.clock() >= 0)
print((pcall(file.read, file)))
