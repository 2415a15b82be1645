-- Big loops of float and integer arithmetic, and the math library.

local sum = 0.0
for i = 1, 300000 do sum = sum + math.sin(i) * math.sqrt(i) / (1 + i % 7) end
print(("%.6f"):format(sum))

local function mandelbrot(width, height, limit)
  local inside = 0
  for row = 0, height - 1 do
    for column = 0, width - 1 do
      local x0, y0 = column / width * 3 - 2, row / height * 2 - 1
      local x, y, n = 0.0, 0.0, 0
      while n < limit and x * x + y * y <= 4 do
        x, y = x * x - y * y + x0, 2 * x * y + y0
        n = n + 1
      end
      if n == limit then inside = inside + 1 end
    end
  end
  return inside
end
print("inside", mandelbrot(60, 40, 60))

local hash = 0
for i = 1, 200000 do hash = (hash ~ i) * 1099511628211 end
print(("%016x"):format(hash))

local a, b = 0, 1
for _ = 1, 90 do a, b = b, a + b end
print("fibonacci", a)

local composite, primes = {}, 0
for i = 2, 20000 do
  if not composite[i] then
    primes = primes + 1
    for j = i * i, 20000, i do composite[j] = true end
  end
end
print("primes", primes)

print(math.floor(-3.5), math.ceil(-3.5), math.fmod(7, -3), math.fmod(-7.5, 2), math.modf(3.75), math.abs(-3))
print(math.max(3, 7.5, -1), math.min(3, 7.5, -1), math.huge, -math.huge, math.ult(1, -1))
print(("%.10f %.10f %.10f"):format(math.exp(1), math.log(10), math.log(8, 2)))
print(("%.10f %.10f %.10f"):format(math.cos(1), math.tan(1), math.atan(1, 2)))
print(("%.10f %.10f"):format(math.asin(0.5), math.acos(0.5)))
for x = 1.0, 2.0, 0.25 do io.write(x, " ") end
for i = 10, 1, -3 do io.write(i, " ") end
print()
math.randomseed(42)
print(math.random(1000), math.random(1000), math.random(5, 6) >= 5, math.random() < 1)
print(8 // 3 * 3 + 8 % 3, -8 // 3 * 3 + -8 % 3, 5.5 // 1.5 * 1.5 + 5.5 % 1.5)
print(string.format("%.14g", 2 ^ 0.5), string.format("%.17g", 0.1), 1e100, 5e-324, 1.7976931348623157e308)

local matrix = {}
for i = 1, 40 do
  matrix[i] = {}
  for j = 1, 40 do matrix[i][j] = (i * j) % 7 / 3 + (i == j and 5 or 0) end
end
local determinant = 1.0
for i = 1, 40 do
  determinant = determinant * matrix[i][i] / 5
  for j = i + 1, 40 do
    local factor = matrix[j][i] / matrix[i][i]
    for k = i, 40 do matrix[j][k] = matrix[j][k] - factor * matrix[i][k] end
  end
end
print(("%.9e"):format(determinant))
