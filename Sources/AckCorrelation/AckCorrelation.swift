// AckCorrelation
