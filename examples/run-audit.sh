#!/bin/sh
exec auditrun run "$@"
