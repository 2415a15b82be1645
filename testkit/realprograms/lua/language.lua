-- Closures, coroutines, metatables, varargs, goto, integer and float arithmetic.

local function counter(start, step)
  return function() start = start + step; return start end
end
local a, b = counter(0, 1), counter(100, -7)
for _ = 1, 4 do io.write(a(), " ", b(), " ") end
print()

local function permutations(items, n)
  n = n or #items
  if n <= 1 then coroutine.yield(items) return end
  for i = 1, n do
    items[n], items[i] = items[i], items[n]
    permutations(items, n - 1)
    items[n], items[i] = items[i], items[n]
  end
end
local seen = 0
for p in coroutine.wrap(function() permutations({ "a", "b", "c", "d", "e" }) end) do
  seen = seen + 1
  if seen % 24 == 0 then print(table.concat(p)) end
end
print("permutations", seen)

local producer = coroutine.create(function(first)
  local sum = first
  while true do
    local more = coroutine.yield(sum)
    if not more then return "done", sum end
    sum = sum + more
  end
end)
for _, v in ipairs { 5, 10, 20, 40 } do print(coroutine.resume(producer, v)) end
print(coroutine.resume(producer, nil))
print(coroutine.status(producer), coroutine.resume(producer))

local Vector = {}
Vector.__index = Vector
function Vector.new(x, y) return setmetatable({ x = x, y = y }, Vector) end
Vector.__add = function(l, r) return Vector.new(l.x + r.x, l.y + r.y) end
Vector.__mul = function(l, r)
  if type(l) == "number" then return Vector.new(l * r.x, l * r.y) end
  if type(r) == "number" then return r * l end
  return l.x * r.x + l.y * r.y
end
Vector.__eq = function(l, r) return l.x == r.x and l.y == r.y end
Vector.__lt = function(l, r) return l * l < r * r end
Vector.__tostring = function(v) return ("<%g, %g>"):format(v.x, v.y) end
Vector.__len = function() return 2 end
Vector.__call = function(v, name) return v[name] end
Vector.__concat = function(l, r) return tostring(l) .. "|" .. tostring(r) end
local v, w = Vector.new(3, 4), Vector.new(-1, 0.5)
print(tostring(v + w), v * w, tostring(2 * v), v == Vector.new(3, 4), w < v, #v, v "y", v .. w)

local log = {}
local watched = setmetatable({}, {
  __index = function(_, k) log[#log + 1] = "get " .. k; return k .. "?" end,
  __newindex = function(t, k, value) log[#log + 1] = "set " .. k; rawset(t, k, value) end,
})
watched.one = watched.two
watched.one = watched.one .. "!"
print(watched.one, table.concat(log, ", "))

local function sum(...)
  local total = 0
  for i = 1, select("#", ...) do total = total + (select(i, ...) or 0) end
  return total, ...
end
print(sum(1, nil, 3), (sum(4, 5)))
print(select(-2, "x", "y", "z"), table.unpack({ 1, 2, 3 }, 2))

for i = 1, 3 do
  for j = 1, 3 do
    if j == 2 then goto next_row end
    io.write(i, ":", j, " ")
  end
  ::next_row::
end
print()

print(7 // 2, -7 // 2, 7 % -3, -7 % 3, 7 / 2, 2 ^ 10, 7.5 // 2, -7.5 % 2)
print(1 << 62, 1 << 63, 1 << 64, ~0 >> 60, 5 & 6, 5 | 6, 5 ~ 6, -1 >> 1)
print(math.maxinteger + 1 == math.mininteger, math.mininteger // -1, math.maxinteger * 2.0)
print(10 == 10.0, "10" + 5, "0x10" * 2, 3 | 0, math.type(3), math.type(3.0), math.tointeger(4.0))
print(1e15, 1e16, 0.1, 1 / 3, -0.0, 1e308 * 10, -1e308 * 10, 2 ^ 53, 123456789012345678)
print((tostring(0 / 0):gsub("-", "")))

do
  local closed = {}
  do
    local first <close> = setmetatable({}, { __close = function() closed[#closed + 1] = "first" end })
    local second <close> = setmetatable({}, { __close = function() closed[#closed + 1] = "second" end })
  end
  print(table.concat(closed, " then "))
end
