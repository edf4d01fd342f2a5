-- SPDX-License-Identifier: MIT
-- cdef.lua -- mim.h through a foreign-function interface that parses C itself: every function of the list is there under
-- the type the header gives it, structs have the size the library says, and a few calls work.
--
--     luajit cdef.lua HEADER.i LIBRARY SYMBOLS.txt         HEADER.i: mim.h preprocessed without its includes
local ffi = require "ffi"
local function read(path) local f = assert(io.open(path)); local text = f:read "*a"; f:close(); return text end
local passed, failed = 0, 0
local function check(ok, what)
    if ok then passed = passed + 1 else failed = failed + 1; print("failed: " .. what) end
end

ffi.cdef(read(arg[1]))
local mim = ffi.load(arg[2])
for name in read(arg[3]):gmatch "%S+" do check(pcall(function() return mim[name] end), name) end

local value = ffi.new "int64_t[1]"
for _, struct in ipairs { "mim_images", "mim_host" } do
    check(mim.mim_constant("sizeof " .. struct, value) == 0 and tonumber(value[0]) == ffi.sizeof(struct), struct)
end
for _, constant in ipairs { "MIM_OK", "MIM_ERR_SHAPE", "MIM_ERR_SYSTEM", "MIM_U8", "MIM_BOOL", "MIM_STATE", "MIM_MAX_RANK" } do
    check(mim.mim_constant(constant, value) == 0 and tonumber(value[0]) == tonumber(mim[constant]), constant)
end
check(ffi.string(mim.mim_status_name(mim.MIM_ERR_SHAPE)) == "MIM_ERR_SHAPE", "mim_status_name")

local context, config = ffi.new "mim_context *[1]", ffi.new "mim_config *[1]"
check(mim.mim_context_create(nil, context) == 0, "mim_context_create")
check(mim.mim_config_create(context[0], nil, config) == 0, "mim_config_create")
check(mim.mim_config_set_i64(config[0], "encoder.dpeth", 4) == mim.MIM_ERR_KEY, "an unknown key")
local text = ffi.new "char[512]"
check(mim.mim_last_error(context[0], text, 512, nil) == 0 and ffi.string(text):find("encoder.depth", 1, true), "the nearest key")
mim.mim_config_destroy(config[0])
mim.mim_context_destroy(context[0])
print(passed .. " passed, " .. failed .. " failed")
os.exit(failed == 0 and 0 or 1)
