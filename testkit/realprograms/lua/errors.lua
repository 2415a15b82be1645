-- Errors cross frames, coroutines and C calls.

print(pcall(error, "plain"))
print(pcall(error, { code = 7 }) == false, select(2, pcall(error, { code = 7 })).code)
print(pcall(function() error("with place") end))
print(pcall(function() error("from the caller", 2) end))
print(pcall(function() local t = nil; return t.field end))
print(pcall(function() return 1 + {} end))
print(pcall(function() return #5 end))
print(pcall(function() return 1 < "2" end))
print(pcall(function() undefined_function() end))
print(pcall(function() return 1 // 0 end))
print(pcall(function() return 2 ^ 53 | 0.5 end))
print(pcall(string.rep))
print(pcall(setmetatable, 1, {}))
print(select("#", pcall(error)))

local function deep(n) if n == 0 then error("bottom", 0) end return deep(n - 1) + 1 end
print(pcall(deep, 150))

local function endless(n) return endless(n + 1) + 1 end
local ok, message = pcall(endless, 1)
print(ok, message:match("stack overflow"))

print(xpcall(function() error("handled", 0) end, function(m) return "<" .. m .. ">" end))
print(xpcall(deep, function(m) return m:upper() end, 3))
print(xpcall(function() error("first", 0) end, function(m) return m .. " and second" end))

local thread = coroutine.create(function()
  local caught, why = pcall(function() coroutine.yield("inside pcall"); error("after resume", 0) end)
  coroutine.yield(tostring(caught) .. " " .. why)
  error("uncaught", 0)
end)
for _ = 1, 4 do print(coroutine.resume(thread)) end

print(pcall(table.sort, { 5, 4, 3, 2, 1 }, function() error("in the comparison", 0) end))
print(pcall(string.gsub, "abc", "%w", function(c) if c == "b" then error("at " .. c, 0) end end))
print(load("return 1 +"))
print(load("x = = 1", "=chunk"))
print(load("return ...", "chunk", "t", {})(42))
print(pcall(load, nil))

local caught = 0
for i = 1, 3000 do
  local fine = pcall(function() if i % 3 == 0 then error(i) end end)
  if not fine then caught = caught + 1 end
end
print("caught", caught)

local unwound = {}
pcall(function()
  local outer <close> = setmetatable({}, { __close = function(_, e) unwound[#unwound + 1] = "outer " .. tostring(e) end })
  local inner <close> = setmetatable({}, { __close = function(_, e) unwound[#unwound + 1] = "inner " .. tostring(e) end })
  error("unwinding", 0)
end)
print(table.concat(unwound, ", "))

print(debug.traceback("traced", 1):match("^traced\nstack traceback:\n"))
error("the script ends with this")
