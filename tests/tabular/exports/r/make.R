d <- data.frame(id = 1:6, frame = factor(c("gain", "loss", "gain", "loss", "gain", "loss")),
  amount = c(1.5, 2, NA, 1000, 0.25, 3), choice = c("safe", "risky", NA, "safe", "risky", "safe"),
  yes = c(TRUE, FALSE, NA, TRUE, TRUE, FALSE), day = as.Date("2026-03-01") + 0:5, stringsAsFactors = FALSE)
d$note <- c("caf\u00e9", "a, b; c", "say \"no\"", "", NA, "two\nlines")
write.csv(d, "write_csv.csv", fileEncoding = "UTF-8")
write.csv2(d, "write_csv2.csv", row.names = FALSE, fileEncoding = "UTF-8")
write.csv2(d, "write_csv2_cp1252.csv", row.names = FALSE, fileEncoding = "CP1252")
write.table(d, "write_table.txt", fileEncoding = "UTF-8")
