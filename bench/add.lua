-- wrk: POST /add with a body that no other request has. Each thread counts for itself.

local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("id", threads)
end

function init(args)
  count = 0
  seed = os.time()
end

function request()
  count = count + 1
  return wrk.format("POST", "/add", nil, string.format("wrk entry %d-%d-%d", seed, id, count))
end
