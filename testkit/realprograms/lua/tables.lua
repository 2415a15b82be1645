-- Tables large and small, sorting, garbage.

local seed = 12345
local function random(n)
  seed = (seed * 1103515245 + 12345) % 2147483648
  return seed // 65536 % n + 1
end

local numbers = {}
for i = 1, 5000 do numbers[i] = random(100000) end
table.sort(numbers)
for i = 2, #numbers do assert(numbers[i - 1] <= numbers[i]) end
table.sort(numbers, function(a, b) return a > b end)
print(numbers[1], numbers[2500], numbers[5000])

local words = {}
for w in ("pack my box with five dozen liquor jugs and then some more"):gmatch("%a+") do words[#words + 1] = w end
table.sort(words, function(a, b) if #a ~= #b then return #a < #b end return a < b end)
print(table.concat(words, " "))
print(pcall(table.sort, { 3, 1, "x" }))

local list = {}
for i = 1, 10 do table.insert(list, 1 + i // 2, i) end
print(table.concat(list, " "), table.remove(list, 3), table.remove(list), #list)
print(table.concat(table.move({ 1, 2, 3, 4, 5 }, 2, 5, 1), " "), table.concat(table.pack(1, 2, 3), "+"))

local sparse = {}
for i = 1, 3000 do sparse[i * i % 10007] = i end
local count, total = 0, 0
for k, v in pairs(sparse) do count = count + 1; total = total + k * v end
print(count, total)
for k in pairs(sparse) do if k % 2 == 0 then sparse[k] = nil end end
count = 0
for _ in pairs(sparse) do count = count + 1 end
print(count, next({}), #"", rawlen { 1, 2, 3 }, rawequal(sparse, sparse))

-- Garbage: many short-lived trees, and weak tables that must let go.
local function tree(depth)
  if depth == 0 then return {} end
  return { tree(depth - 1), tree(depth - 1) }
end
local function size(t) return t[1] and 1 + size(t[1]) + size(t[2]) or 1 end
local nodes = 0
for _ = 1, 30 do nodes = nodes + size(tree(9)) end
print("nodes", nodes)

local weak = setmetatable({}, { __mode = "k" })
local kept = {}
for i = 1, 500 do
  local key = {}
  weak[key] = i
  if i % 10 == 0 then kept[#kept + 1] = key end
end
collectgarbage()
collectgarbage()
count = 0
for _ in pairs(weak) do count = count + 1 end
print("kept", count, #kept)

local finalized = 0
for _ = 1, 200 do setmetatable({}, { __gc = function() finalized = finalized + 1 end }) end
collectgarbage()
collectgarbage()
print("finalized", finalized)
for _, mode in ipairs { "generational", "incremental" } do
  collectgarbage(mode)
  local live = {}
  for i = 1, 20000 do live[i % 100 + 1] = { i, tostring(i) } end
  local sum = 0
  for _, entry in ipairs(live) do sum = sum + entry[1] + #entry[2] end
  print(mode, sum)
end
print(collectgarbage("count") < 4096)
