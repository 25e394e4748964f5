"""Routes, one module an area: dependencies in, one service call, answer out."""
